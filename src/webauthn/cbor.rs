//! Maps in CBOR (RFC 8949), read strictly: no key twice, few keys, little depth.

use ciborium::Value;

/// How deep a map may be nested. Attestation statements have certificates in a list.
const DEPTH: usize = 8;

/// How many keys a map may have.
const KEYS: usize = 32;

/// A map. Its keys are texts or numbers.
pub(super) struct Map(Vec<(Value, Value)>);

/// The bytes are no such map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoMap;

impl Map {
    /// Reads a map at the beginning of the bytes, and leaves what is behind it.
    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self, NoMap> {
        let value = ciborium::de::from_reader_with_recursion_limit(&mut *bytes, DEPTH);
        let value: Value = value.or(Err(NoMap))?;
        let entries = value.into_map().or(Err(NoMap))?;
        let keys = || entries.iter().map(|(key, _)| key);
        let is_twice = |(at, key)| keys().take(at).any(|other| other == key);
        if entries.len() > KEYS || keys().enumerate().any(is_twice) {
            return Err(NoMap);
        }
        Ok(Self(entries))
    }

    fn get(&self, key: &Value) -> Option<&Value> {
        let mut entries = self.0.iter();
        let found = entries.find(|(known, _)| known == key);
        found.map(|(_, value)| value)
    }

    /// The value of a text key.
    pub(super) fn named(&self, key: &str) -> Option<&Value> {
        self.get(&Value::Text(key.to_owned()))
    }

    /// The number that a number key has.
    pub(super) fn number(&self, key: i64) -> Option<i64> {
        let number = self.get(&Value::from(key))?.as_integer()?;
        i64::try_from(number).ok()
    }

    /// The bytes that a number key has.
    pub(super) fn bytes(&self, key: i64) -> Option<&[u8]> {
        let bytes = self.get(&Value::from(key))?.as_bytes()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<usize, NoMap> {
        Map::read(&mut bytes).map(|_| bytes.len())
    }

    #[test]
    fn map_is_read_up_to_its_end() {
        assert_eq!(read(&[0xa1, 0x01, 0x02]), Ok(0));
        assert_eq!(read(&[0xa1, 0x01, 0x02, 0xff, 0x00]), Ok(2));
        assert_eq!(read(&[0xa0, 0xa0]), Ok(1));
    }

    #[test]
    fn other_than_a_map_with_keys_given_once_is_refused() {
        let mut deep = vec![0xa1, 0x01];
        deep.extend([0x81; 9]);
        deep.push(0x00);
        let mut wide = vec![0xb8, 33];
        for key in 0..33_u8 {
            wide.extend([0x18, key + 24, 0x00]);
        }
        for bytes in [
            &[][..],
            &[0x01],
            &[0x81, 0x01],
            &[0xa1, 0x01],
            &[0xa2, 0x01, 0x02, 0x01, 0x03],
            // The same number in a longer form.
            &[0xa2, 0x01, 0x02, 0x18, 0x01, 0x03],
            &deep,
            &wide,
        ] {
            assert_eq!(read(bytes), Err(NoMap), "{bytes:x?}");
        }
    }
}
