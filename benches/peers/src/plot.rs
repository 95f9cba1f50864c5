//! Line plots as SVG: a few labelled places across, a logarithmic scale up, one line for each peer.

use std::fmt::Write as _;

use crate::record::short;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;
const OURS: &str = "#c0392b";
const COLOURS: [&str; 13] = [
    "#2c7fb8", "#41ab5d", "#8856a7", "#e08214", "#636363", "#01665e", "#e377c2", "#7b3294", "#1b7837", "#8c510a",
    "#35978f", "#b5a300", "#17becf",
];

/// The colour of a line; the first is ours, and no other has the same.
fn colour(number: usize) -> &'static str {
    if number == 0 { OURS } else { COLOURS[(number - 1) % COLOURS.len()] }
}

/// One line: a name and a height at each place, where there is one.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) heights: Vec<Option<f64>>,
}

/// A whole plot.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) places: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

impl Plot {
    /// The picture, or nothing if no line has two points.
    pub(crate) fn to_svg(&self) -> Option<String> {
        let heights = || self.lines.iter().flat_map(|line| line.heights.iter().flatten()).filter(|h| **h > 0.0);
        if self.places.len() < 2 || heights().count() < 2 {
            return None;
        }
        // A little room above and below, so that lines that are near each other are seen apart.
        let low = heights().copied().fold(f64::INFINITY, f64::min).log10() - 0.08;
        let high = (heights().copied().fold(0.0, f64::max).log10() + 0.08).max(low + 0.5);
        let scale = Scale { low, high, places: self.places.len() };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(&mut svg, [LEFT, 22.0], "start", &self.title);
        self.axes(&mut svg, &scale);
        // Ours last, so that it lies above the others.
        for (number, line) in self.lines.iter().enumerate().rev() {
            draw_line(&mut svg, &scale, line, number);
        }
        self.legend(&mut svg);
        svg.push_str("</svg>\n");
        Some(svg)
    }

    fn axes(&self, svg: &mut String, scale: &Scale) {
        for mark in scale.marks() {
            let y = scale.up(mark);
            rule(svg, [LEFT, y, WIDTH - RIGHT, y]);
            text(svg, [LEFT - 6.0, y + 4.0], "end", &label(mark));
        }
        for (place, name) in self.places.iter().enumerate() {
            text(svg, [scale.across(place), HEIGHT - BOTTOM + 20.0], "middle", name);
        }
        text(svg, [LEFT - 6.0, TOP - 12.0], "end", &self.unit);
    }
}

impl Plot {
    /// The names, in the order in which the lines end, the highest first.
    fn legend(&self, svg: &mut String) {
        let end = |line: &Line| line.heights.iter().rev().flatten().next().copied().unwrap_or(0.0);
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        order.sort_by(|one, other| end(&self.lines[*other]).total_cmp(&end(&self.lines[*one])));
        for (place, number) in order.into_iter().enumerate() {
            let (x, y) = (WIDTH - RIGHT + 24.0, TOP + 17.0 * place as f64);
            let colour = colour(number);
            let height = if number == 0 { 5 } else { 3 };
            push(
                svg,
                format_args!("<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"{height}\" fill=\"{colour}\"/>", y - 5.0),
            );
            text(svg, [x + 20.0, y], "start", &self.lines[number].name);
        }
    }
}

/// A value at the scale: a whole number where it is one.
fn label(mark: f64) -> String {
    if mark < 100.0 && mark.fract() == 0.0 { format!("{mark}") } else { short(mark) }
}

/// Where values and places lie in the picture.
struct Scale {
    low: f64,
    high: f64,
    places: usize,
}

impl Scale {
    /// The values at the left: powers of ten, and where there are few of these 2 and 5 times them.
    fn marks(&self) -> Vec<f64> {
        let steps: &[f64] = if self.high - self.low > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = (self.low.floor() as i32)..=(self.high.ceil() as i32);
        let marks = powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        marks.filter(|mark| (self.low..=self.high).contains(&mark.log10())).collect()
    }

    fn up(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value.log10() - self.low) / (self.high - self.low) * (HEIGHT - BOTTOM - TOP)
    }

    fn across(&self, place: usize) -> f64 {
        LEFT + 20.0 + place as f64 / (self.places - 1) as f64 * (WIDTH - RIGHT - LEFT - 40.0)
    }
}

fn draw_line(svg: &mut String, scale: &Scale, line: &Line, number: usize) {
    let colour = colour(number);
    let wide = if number == 0 { 3 } else { 1 };
    let dashes = if line.name.starts_with('~') { "5 4" } else { "none" };
    let known = line.heights.iter().enumerate().filter_map(|(place, height)| height.map(|height| (place, height)));
    let points: Vec<(f64, f64)> =
        known.filter(|(_, height)| *height > 0.0).map(|(place, h)| (scale.across(place), scale.up(h))).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    push(
        svg,
        format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{wide}\" stroke-dasharray=\"{dashes}\"/>",
            path.join(" ")
        ),
    );
    for (x, y) in points {
        push(svg, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
    }
}

fn rule(svg: &mut String, [x1, y1, x2, y2]: [f64; 4]) {
    push(svg, format_args!("<line x1=\"{x1}\" y1=\"{y1:.1}\" x2=\"{x2}\" y2=\"{y2:.1}\" stroke=\"#dddddd\"/>"));
}

fn text(svg: &mut String, [x, y]: [f64; 2], anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    push(svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"));
}

fn push(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("writing to a String never fails");
}
