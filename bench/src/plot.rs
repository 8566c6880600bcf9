//! Bars beside each other, as SVG: latencies of microseconds and of milliseconds on one logarithmic axis.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::number::number;

const SIZE: (u32, u32) = (860, 360);

/// The part of a group's width that its bars fill.
const FILLED: f64 = 0.84;

/// People who see no red or no green can distinguish them too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x99, 0x99, 0x99),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xe6, 0x9f, 0x00),
];

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

/// From the left to the right, and how high.
struct Bar {
    sides: Range<f64>,
    height: f64,
}

impl Chart {
    /// The chart as SVG. Values that are not positive have no bar; a chart without any bar is none.
    pub(crate) fn svg(&self) -> Option<String> {
        let (decades, mut svg) = (self.decades()?, String::new());
        self.draw(SVGBackend::with_string(&mut svg, SIZE), decades).expect("BUG: a text takes all that is drawn");
        Some(svg + "\n")
    }

    fn draw<B: DrawingBackend>(
        &self,
        backend: B,
        decades: Range<f64>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let (area, floor) = (backend.into_drawing_area(), decades.start);
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 16))
            .margin(10)
            .set_label_area_size(LabelAreaPosition::Left, 60)
            .set_label_area_size(LabelAreaPosition::Bottom, 24)
            .build_cartesian_2d(0.0..self.groups.len() as f64, decades.log_scale())?;
        let lines = RGBColor(0xdd, 0xdd, 0xdd);
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().x_labels(0).bold_line_style(lines).light_line_style(TRANSPARENT);
        mesh.y_label_formatter(&|value| number(Some(*value))).draw()?;
        for (nth, name) in self.series.iter().enumerate() {
            let colour = COLOURS[nth % COLOURS.len()].filled();
            let mark = move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour);
            let bars = self.bars(nth);
            let rectangles = bars
                .iter()
                .map(|Bar { sides, height }| Rectangle::new([(sides.start, floor), (sides.end, *height)], colour));
            chart.draw_series(rectangles)?.label(name).legend(mark);
            chart.draw_series(bars.iter().map(|Bar { sides, height }| {
                let middle = f64::midpoint(sides.start, sides.end);
                Text::new(number(Some(*height)), (middle, *height), text(9, VPos::Bottom))
            }))?;
        }
        let labels = self.groups.iter().enumerate();
        chart.draw_series(
            labels.map(|(nth, (label, _))| Text::new(label.clone(), (nth as f64 + 0.5, floor), text(12, VPos::Top))),
        )?;
        let mut legend = chart.configure_series_labels();
        legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).label_font(("sans-serif", 12));
        legend.draw()?;
        area.present()
    }

    /// Powers of ten that all bars lie between.
    fn decades(&self) -> Option<Range<f64>> {
        let values =
            || self.groups.iter().flat_map(|(_, values)| values).flatten().copied().filter(|value| *value > 0.0);
        let lowest = values().reduce(f64::min)?.log10().floor() as i32;
        let highest = values().reduce(f64::max)?.log10().ceil() as i32;
        Some(10_f64.powi(lowest)..10_f64.powi(highest.max(lowest + 1)))
    }

    /// The bars of one series.
    fn bars(&self, nth: usize) -> Vec<Bar> {
        let width = FILLED / self.series.len() as f64;
        let bar = |(group, (_, values)): (usize, &(String, Vec<Option<f64>>))| {
            let height = values[nth].filter(|value| *value > 0.0)?;
            let left = group as f64 + (1.0 - FILLED) / 2.0 + nth as f64 * width;
            Some(Bar { sides: left..left + width * 0.97, height })
        };
        self.groups.iter().enumerate().filter_map(bar).collect()
    }
}

fn text(size: u32, beside: VPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(HPos::Center, beside))
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
        let chart = chart(&[Some(3.0), None, Some(-1.0), Some(450.0)]);
        let heights: Vec<_> = (0..4).flat_map(|nth| chart.bars(nth)).map(|bar| bar.height.to_string()).collect();
        assert_eq!(heights, ["3", "450"]);
        let svg = chart.svg().unwrap();
        assert!(svg.contains("a &lt; 3") && svg.contains(">450<") || svg.contains("\n450\n"), "{svg}");
    }

    #[test]
    fn without_a_positive_value_there_is_no_chart() {
        assert_eq!(chart(&[None, Some(0.0)]).svg(), None);
    }

    #[test]
    fn the_axis_ends_at_powers_of_ten() {
        assert_eq!(chart(&[Some(3.0), Some(450.0)]).decades(), Some(1.0..1000.0));
        assert_eq!(chart(&[Some(10.0)]).decades(), Some(10.0..100.0));
    }
}
