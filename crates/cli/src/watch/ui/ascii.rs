//! For terminals and fonts that have nothing but ASCII.

use ratatui::buffer::Buffer;

/// Replaces every character that is not ASCII by one that says nearly the same.
pub(super) fn fall_back(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let plain = symbol.chars().next().map_or(' ', plain);
        cell.set_char(plain);
    }
}

fn plain(symbol: char) -> char {
    match symbol {
        '─' | '—' | '▄' => '-',
        '│' => '|',
        '▁' => '_',
        '▂' | '·' => '.',
        '▃' => ':',
        '▅' => '=',
        '▆' | '✓' => '+',
        '▇' | '●' => '*',
        '█' => '#',
        '⚠' => '!',
        '✗' | '×' => 'x',
        '○' => 'o',
        '…' => '~',
        'µ' => 'u',
        '↑' | '▴' => '^',
        '↓' => 'v',
        _ => '?',
    }
}
