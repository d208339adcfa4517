//! How text for a person is laid out: sentences broken to the terminal's width, and tables whose rows are about
//! something that is named behind the figures, or above them where a line has no room for both.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::render::units::{plain_width, shorten, wrap};

/// Columns when nobody looks.
const DEFAULT_WIDTH: usize = 100;

/// Fewest columns that text is laid out for.
const NARROWEST: usize = 40;

/// Fewest columns that a path is shortened to.
const SHORTEST: usize = 20;

/// Between the words of a figure, which stay together; no text of ours has it, and escaped bytes neither.
const TIED: char = '\u{a0}';

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const URGENT: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));

/// Where the table goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Medium {
    /// Columns of the terminal; `None` when it is none: then paths are never shortened.
    pub columns: Option<usize>,
    /// Whether to use colours.
    pub color: bool,
}

/// A terminal, or what stands for one.
pub(crate) struct Page {
    medium: Medium,
    width: usize,
}

impl Page {
    pub(crate) fn new(medium: Medium) -> Self {
        Self { medium, width: medium.columns.unwrap_or(DEFAULT_WIDTH).max(NARROWEST) }
    }

    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.medium.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A sentence, broken to the page's width.
    pub(crate) fn sentence(&self, out: &mut dyn Write, indent: &str, text: &str) -> io::Result<()> {
        let deeper = format!("{indent}  ");
        writeln!(out, "{indent}{}", wrap(text, self.width.saturating_sub(indent.len()), &deeper))
    }

    /// A sentence whose last word is a place: it is shortened to a line, rather than broken.
    pub(crate) fn ending(
        &self,
        out: &mut dyn Write,
        indent: &str,
        text: &str,
        place: &str,
    ) -> io::Result<()> {
        let deeper = indent.len() + 2;
        let wrapped = wrap(text, self.width.saturating_sub(indent.len()), &" ".repeat(deeper));
        let last = wrapped.rsplit('\n').next().map_or(0, plain_width);
        let last = if wrapped.contains('\n') { last } else { last + indent.len() };
        if self.has_room(last + 1 + place.width()) {
            return writeln!(out, "{indent}{wrapped} {place}");
        }
        writeln!(out, "{indent}{wrapped}\n{:deeper$}{}", "", self.fitted(place, deeper))
    }

    /// The titles of a table. None where what its rows are about stands above the figures.
    pub(crate) fn head(&self, out: &mut dyn Write, indent: &str, table: &Columns) -> io::Result<()> {
        if self.is_narrow_for(indent, table) {
            return Ok(());
        }
        let head = format!("{indent}{}  {}", table.line(&table.titles), table.about);
        writeln!(out, "{}", self.paint(HEADING, head.trim_end()))
    }

    /// A row: the figures, what they are about, and what is to be said about it in a word that is not shortened.
    pub(crate) fn row(
        &self,
        out: &mut dyn Write,
        indent: &str,
        table: &Columns,
        row: &Row<'_>,
    ) -> io::Result<()> {
        let Row { cells, about, note, style } = row;
        let paint = |text: &str| style.map_or_else(|| text.to_owned(), |style| self.paint(style, text));
        if self.is_narrow_for(indent, table) {
            let about = self.fitted(about, indent.len() + note.width());
            if !about.is_empty() {
                writeln!(out, "{indent}{}{note}", paint(&about))?;
            }
            let deeper = format!("{indent}  ");
            let mut text = Vec::new();
            self.sentence(&mut text, &deeper, &table.told(cells))?;
            return out.write_all(String::from_utf8_lossy(&text).replace(TIED, " ").as_bytes());
        }
        let line = table.line(cells);
        let about = self.fitted(about, indent.len() + line.len() + 2 + note.width());
        if about.is_empty() {
            return writeln!(out, "{indent}{}", paint(line.trim_end()));
        }
        writeln!(out, "{indent}{}  {about}{note}", paint(&line))
    }

    /// Whether a terminal has no room for the shortest name behind the figures.
    fn is_narrow_for(&self, indent: &str, table: &Columns) -> bool {
        let about = if table.about.is_empty() { 0 } else { 2 + SHORTEST };
        !self.has_room(indent.len() + table.line(&table.titles).len() + about)
    }

    /// Whether so many columns fit into a line; all do where there is no terminal.
    pub(crate) fn has_room(&self, columns: usize) -> bool {
        self.medium.columns.is_none() || columns <= self.width
    }

    /// Shortened to what the terminal has left behind the indentation; whole when it is none.
    pub(crate) fn fitted(&self, text: &str, indent: usize) -> String {
        match self.medium.columns {
            Some(_) => shorten(text, self.width.saturating_sub(indent).max(SHORTEST)),
            None => text.to_owned(),
        }
    }
}

/// A row of a table.
pub(crate) struct Row<'a> {
    pub(crate) cells: &'a [String],
    pub(crate) about: &'a str,
    pub(crate) note: &'a str,
    pub(crate) style: Option<Style>,
}

/// Cells in columns that are as wide as their widest cell.
pub(crate) struct Columns {
    titles: Vec<String>,
    right: Vec<bool>,
    /// The title of what the rows are about; empty where the figures are all there is.
    about: &'static str,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl Columns {
    /// Titles begin with `<` or `>`, the side to which the column is flush.
    pub(crate) fn titled(titles: &[&str], about: &'static str) -> Self {
        let right = titles.iter().map(|title| title.starts_with('>')).collect();
        let titles: Vec<String> =
            titles.iter().map(|title| title.trim_start_matches(['<', '>']).to_owned()).collect();
        let widths = titles.iter().map(String::len).collect();
        Self { titles, right, about, rows: Vec::new(), widths }
    }

    /// Adds a row, one cell for each title.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.len());
        }
        self.rows.push(cells);
    }

    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    fn line(&self, cells: &[String]) -> String {
        let columns = self.widths.iter().zip(&self.right);
        let cells: Vec<String> = cells
            .iter()
            .zip(columns)
            .map(
                |(cell, (&width, right))| {
                    if *right { format!("{cell:>width$}") } else { format!("{cell:width$}") }
                },
            )
            .collect();
        cells.join("  ")
    }

    /// The cells in words, each behind its title; what is not known is left out.
    fn told(&self, cells: &[String]) -> String {
        let known = self.titles.iter().zip(cells).filter(|(_, cell)| !matches!(cell.as_str(), "" | "-"));
        let words =
            known.map(|(title, cell)| format!("{} {cell}", lower(title)).trim().replace(' ', "\u{a0}"));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// A title within a sentence: units keep their letters.
fn lower(title: &str) -> String {
    let word = |word: &str| {
        if word.chars().any(char::is_lowercase) { word.to_owned() } else { word.to_lowercase() }
    };
    title.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Columns, Medium, Page, Row};

    fn shown(columns: usize) -> String {
        let page = Page::new(Medium { columns: Some(columns), color: false });
        let mut table = Columns::titled(&["<VERDICT", ">SIZE", ">PER 100 MiB", ">TIME"], "WHAT");
        table.push(["preload", "2.0 MiB", "1.5 ms", "-"].map(str::to_owned).to_vec());
        let mut out = Vec::new();
        page.head(&mut out, "  ", &table).unwrap();
        let row =
            Row { cells: &table.rows()[0], about: "/usr/lib/perl5/Encode.pm", note: " (new)", style: None };
        page.row(&mut out, "  ", &table, &row).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_row_is_about_stands_behind_its_figures() {
        assert_eq!(
            shown(80),
            "  VERDICT     SIZE  PER 100 MiB  TIME  WHAT\n  preload  2.0 MiB       1.5 ms     -  \
             /usr/lib/perl5/Encode.pm (new)\n"
        );
    }

    #[test]
    fn a_narrow_terminal_has_it_above_them_and_no_figure_is_broken() {
        assert_eq!(
            shown(44),
            "  /usr/lib/perl5/Encode.pm (new)\n    verdict preload, size 2.0 MiB,\n      per 100 MiB 1.5 ms\n"
        );
    }
}
