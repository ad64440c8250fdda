//! The colour of an operator's brand, and readable colours derived from it.

use std::fmt;
use std::str::FromStr;

/// A colour as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccentColor([u8; 3]);

/// The text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written as #rrggbb, such as #1f5f8b")]
pub struct AccentColorError;

/// The contrast that text needs to be readable (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

/// In how many steps a colour is mixed with black or white until it is readable.
const STEPS: u8 = 64;

impl AccentColor {
    /// White.
    pub const WHITE: Self = Self([255, 255, 255]);
    /// Black.
    pub const BLACK: Self = Self([0, 0, 0]);

    /// A colour by its parts.
    #[must_use]
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// Black or white, whichever is easier to read on this colour. One of them always has a
    /// contrast of 4.5 or more.
    #[must_use]
    pub fn text_color(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) {
            Self::WHITE
        } else {
            Self::BLACK
        }
    }

    /// This colour, mixed with black or white as far as needed to be read as text on a
    /// background.
    #[must_use]
    pub fn readable_on(self, background: Self) -> Self {
        let towards = background.text_color();
        (0..=STEPS)
            .map(|step| self.mixed(towards, step))
            .find(|color| color.contrast(background) >= READABLE)
            .unwrap_or(towards)
    }

    /// The contrast of two colours (WCAG 2.2), from 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn mixed(self, other: Self, step: u8) -> Self {
        let [red, green, blue] = self.0;
        let [to_red, to_green, to_blue] = other.0;
        let mix = |from: u8, to: u8| {
            let (from, to, step) = (u32::from(from), u32::from(to), u32::from(step));
            let steps = u32::from(STEPS);
            let value = (from * (steps - step) + to * step) / steps;
            u8::try_from(value).unwrap_or(u8::MAX)
        };
        Self([mix(red, to_red), mix(green, to_green), mix(blue, to_blue)])
    }

    fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}

impl Default for AccentColor {
    /// A blue that is dark enough for white text.
    fn default() -> Self {
        Self([0x1f, 0x5f, 0x8b])
    }
}

impl FromStr for AccentColor {
    type Err = AccentColorError;

    fn from_str(text: &str) -> Result<Self, AccentColorError> {
        let digits = text.strip_prefix('#').ok_or(AccentColorError)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(AccentColorError);
        }
        let number = u32::from_str_radix(digits, 16).or(Err(AccentColorError))?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for AccentColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_six_hex_digits() {
        assert_eq!("#1F5f8b".parse(), Ok(AccentColor::default()));
        assert_eq!(AccentColor::default().to_string(), "#1f5f8b");
        for text in [
            "", "#", "1f5f8b", "#fff", "#1f5f8", "#1f5f8bb", "#+f5f8b", "#1f5f8é", "red", "#12345;",
        ] {
            assert_eq!(text.parse::<AccentColor>(), Err(AccentColorError), "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let contrast = AccentColor::WHITE.contrast(AccentColor::BLACK);
        assert!((contrast - 21.0).abs() < 1e-9);
        let grey = AccentColor([0x77; 3]).contrast(AccentColor::WHITE);
        assert!((grey - 4.48).abs() < 0.01, "{grey}");
    }

    #[test]
    fn text_in_and_on_every_colour_is_readable() {
        let parts = [0u8, 31, 64, 95, 128, 160, 200, 230, 255];
        let backgrounds = [
            AccentColor::WHITE,
            AccentColor([0xf6, 0xf6, 0xf4]),
            AccentColor([0x14, 0x16, 0x1a]),
            AccentColor([0x1d, 0x20, 0x26]),
        ];
        for red in parts {
            for green in parts {
                for blue in parts {
                    let color = AccentColor([red, green, blue]);
                    assert!(color.contrast(color.text_color()) >= READABLE, "{color}");
                    for background in backgrounds {
                        let text = color.readable_on(background);
                        assert!(text.contrast(background) >= READABLE, "{color}");
                    }
                }
            }
        }
    }
}
