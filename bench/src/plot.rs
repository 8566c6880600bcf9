//! Bars beside each other, as plain SVG: latencies of microseconds and of milliseconds on one logarithmic axis.

use std::ops::Range;

use crate::number::number;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 36.0;

/// Told apart by people who see no red or no green, too.
const COLOURS: [&str; 6] = ["#999999", "#56b4e9", "#0072b2", "#d55e00", "#009e73", "#e69f00"];

/// A chart: groups of bars, one bar of every series in each.
#[derive(Debug)]
pub(crate) struct Chart {
    /// What is drawn, with its unit.
    pub(crate) title: String,
    /// What the bars of a group stand for, in their order.
    pub(crate) series: Vec<String>,
    /// Groups, with a value for each series that has one.
    pub(crate) groups: Vec<(String, Vec<Option<f64>>)>,
}

impl Chart {
    /// The chart as SVG. Values that are not positive have no bar; a chart without any bar is none.
    pub(crate) fn svg(&self) -> Option<String> {
        let decades = self.decades()?;
        let parts = [
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
                 <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
            ),
            text(LEFT, 20.0, "start", 14, &self.title),
            self.legend(),
            axis(&decades),
            self.bars(&decades),
            "</svg>\n".to_owned(),
        ];
        Some(parts.concat())
    }

    /// Powers of ten that all bars lie between.
    fn decades(&self) -> Option<Range<i32>> {
        let values =
            || self.groups.iter().flat_map(|(_, values)| values).flatten().copied().filter(|value| *value > 0.0);
        let lowest = values().reduce(f64::min)?.log10().floor() as i32;
        let highest = values().reduce(f64::max)?.log10().ceil() as i32;
        Some(lowest..highest.max(lowest + 1))
    }

    fn legend(&self) -> String {
        let width = (WIDTH - LEFT - RIGHT) / self.series.len().max(1) as f64;
        let entry = |(nth, name): (usize, &String)| {
            let x = LEFT + nth as f64 * width;
            let mark = format!("<rect x=\"{x:.1}\" y=\"31\" width=\"10\" height=\"10\" fill=\"{}\"/>\n", colour(nth));
            mark + &text(x + 14.0, 40.0, "start", 11, name)
        };
        self.series.iter().enumerate().map(entry).collect::<Vec<_>>().concat()
    }

    fn bars(&self, decades: &Range<i32>) -> String {
        let slot = (WIDTH - LEFT - RIGHT) / self.groups.len() as f64;
        let width = slot * 0.84 / self.series.len() as f64;
        let group = |(nth, (label, values)): (usize, &(String, Vec<Option<f64>>))| {
            let left = LEFT + (nth as f64 + 0.08) * slot;
            let bars = values.iter().enumerate().filter_map(|(nth, value)| {
                let value = value.filter(|value| *value > 0.0)?;
                Some(bar(left + nth as f64 * width, width, value, decades, colour(nth)))
            });
            bars.collect::<Vec<_>>().concat() + &text(left + slot * 0.42, HEIGHT - 14.0, "middle", 11, label)
        };
        self.groups.iter().enumerate().map(group).collect::<Vec<_>>().concat()
    }
}

fn colour(nth: usize) -> &'static str {
    COLOURS[nth % COLOURS.len()]
}

fn bar(x: f64, width: f64, value: f64, decades: &Range<i32>, colour: &str) -> String {
    let top = height_of(value, decades);
    let height = HEIGHT - BOTTOM - top;
    let bar = format!(
        "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>\n",
        width - 1.0
    );
    bar + &text(x + width / 2.0, top - 3.0, "middle", 8, &number(Some(value)))
}

/// A line and a number for every power of ten.
fn axis(decades: &Range<i32>) -> String {
    let line = |decade: i32| {
        let y = height_of(10_f64.powi(decade), decades);
        let line =
            format!("<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\n", WIDTH - RIGHT);
        let places = usize::try_from(-decade).unwrap_or(0);
        line + &text(LEFT - 6.0, y + 4.0, "end", 11, &format!("{:.places$}", 10_f64.powi(decade)))
    };
    (decades.start..=decades.end).map(line).collect::<Vec<_>>().concat()
}

/// Where on the chart a value lies, from above.
fn height_of(value: f64, decades: &Range<i32>) -> f64 {
    let part = (value.log10() - f64::from(decades.start)) / f64::from(decades.end - decades.start);
    HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
}

fn text(x: f64, y: f64, anchor: &str, size: u32, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"#222222\">{text}</text>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[Option<f64>]) -> Chart {
        let series = (0..values.len()).map(|nth| format!("a < {nth}")).collect();
        Chart { title: "t".to_owned(), series, groups: vec![("g".to_owned(), values.to_vec())] }
    }

    #[test]
    fn every_positive_value_has_a_bar() {
        let svg = chart(&[Some(3.0), None, Some(-1.0), Some(450.0)]).svg().unwrap();
        let bars = svg.lines().filter(|line| line.starts_with("<rect") && !line.contains("height=\"10\"")).count();
        assert_eq!(bars - 1, 2, "{svg}");
        assert!(svg.contains("a &lt; 3"));
    }

    #[test]
    fn without_a_positive_value_there_is_no_chart() {
        assert_eq!(chart(&[None, Some(0.0)]).svg(), None);
    }

    #[test]
    fn decades_lie_evenly_between_the_ends() {
        let heights = [1.0, 10.0, 100.0].map(|value| height_of(value, &(0..2)).round().to_string());
        assert_eq!(heights, ["324", "190", "56"]);
    }
}
