// Charts of one person: uPlot with the rules' own bands behind, alerts and device events on top.

import uPlot from "uplot";
import { clockTime, day, number, t } from "./texts";
import type { Band, Mark, Series } from "./types";

const FONT = '12px "Be Vietnam Pro", sans-serif';
const INK = "#52616c";
const GRID = "#e6ebee";
const BAND_FILL: Record<string, string> = { yellow: "#fdf7d9", orange: "#feeddb", red: "#fbdfe0" };
const BAND_EDGE: Record<string, string> = { yellow: "#b38f00", orange: "#d96f12", red: "#b3202c" };
const MARK_COLOUR: Record<number, string> = { 1: "#7a5c00", 2: "#a84a00", 3: "#b3202c" };

export interface Chart {
  title: string;
  unit: string;
  lines: { values: keyof Series; colour: string; width: number; dash?: number[] }[];
  bands: Band[];
  range: (low: number | null, high: number | null) => [number, number];
  height: number;
  withMarks: boolean;
  withTimes: boolean;
}

/** The columns of a chart as uPlot takes them. */
export function columns(chart: Chart, series: Series): uPlot.AlignedData {
  return [
    series.t,
    ...chart.lines.map((line) => series[line.values] as (number | null)[]),
  ] as uPlot.AlignedData;
}

/** Draws a chart into `box`; `read` is told what stands under the cursor, or the latest value. */
export function draw(
  chart: Chart,
  series: () => Series,
  box: HTMLElement,
  read: (text: string) => void,
): uPlot {
  const told = (plot: uPlot) => read(reading(chart, plot, plot.cursor.idx));
  return new uPlot(
    {
      width: Math.max(240, box.clientWidth),
      height: chart.height,
      legend: { show: false },
      cursor: { sync: { key: "person" }, y: false, points: { size: 7 } },
      scales: {
        x: { range: () => [series().from_ms / 1000, series().to_ms / 1000] },
        y: { range: (_plot, low, high) => chart.range(low, high) },
      },
      axes: [
        {
          font: FONT,
          stroke: INK,
          grid: { stroke: GRID, width: 1 },
          ticks: { show: false },
          size: chart.withTimes ? 30 : 8,
          space: 64,
          values: (_plot, at) =>
            chart.withTimes
              ? at.map((s) => (clockTime(s * 1000) === "00:00" ? day(s * 1000) : clockTime(s * 1000)))
              : at.map(() => ""),
        },
        {
          font: FONT,
          stroke: INK,
          grid: { stroke: GRID, width: 1 },
          ticks: { show: false },
          size: 42,
          space: 28,
          values: (_plot, at) => at.map((value) => number(value)),
        },
      ],
      series: [
        {},
        ...chart.lines.map((line) => ({
          stroke: line.colour,
          width: line.width,
          ...(line.dash === undefined ? {} : { dash: line.dash }),
          spanGaps: false,
          points: { size: 4, fill: line.colour, stroke: line.colour },
        })),
      ],
      hooks: {
        drawClear: [(plot) => drawBands(plot, chart.bands)],
        draw: [(plot) => chart.withMarks && drawMarks(plot, series().marks)],
        setCursor: [told],
        setData: [told],
      },
    },
    columns(chart, series()),
    box,
  );
}

function reading(chart: Chart, plot: uPlot, index: number | null | undefined): string {
  const values = plot.data[1] as (number | null)[];
  let at = index ?? values.length - 1;
  while (index == null && at > 0 && values[at] == null) at -= 1;
  const time = plot.data[0][at];
  const value = values[at];
  if (time === undefined || value == null) return "";
  return `${number(value)} ${chart.unit} · ${clockTime(time * 1000)}`;
}

function drawBands(plot: uPlot, bands: Band[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const band of bands) {
    const edge = plot.valToPos(band.edge, "y", true);
    const top = band.is_low ? edge : bbox.top;
    const bottom = band.is_low ? bbox.top + bbox.height : edge;
    if (bottom <= bbox.top || top >= bbox.top + bbox.height) continue;
    ctx.fillStyle = BAND_FILL[band.level] ?? "transparent";
    ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  }
  ctx.setLineDash([]);
  for (const band of bands) {
    const edge = Math.round(plot.valToPos(band.edge, "y", true)) + 0.5;
    ctx.strokeStyle = BAND_EDGE[band.level] ?? "transparent";
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, edge);
    ctx.lineTo(bbox.left + bbox.width, edge);
    ctx.stroke();
  }
  ctx.restore();
}

/** Alerts as their level's shape on a line, what happened to the device as a small tick below. */
function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = plot;
  const unit = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 8 * unit, bbox.top, bbox.width + 16 * unit, bbox.height + 8 * unit);
  ctx.clip();
  for (const mark of marks) {
    const x = plot.valToPos(mark.at_ms / 1000, "x", true);
    if (mark.kind.startsWith("alert_")) {
      drawAlert(ctx, x, bbox.top, bbox.height, unit, mark.level ?? 1);
    } else if (mark.kind === "disconnected" || mark.kind === "finger_off") {
      ctx.fillStyle = INK;
      ctx.fillRect(x - unit, bbox.top + bbox.height - 7 * unit, 2 * unit, 7 * unit);
    }
  }
  ctx.restore();
}

function drawAlert(
  ctx: CanvasRenderingContext2D,
  x: number,
  top: number,
  height: number,
  unit: number,
  level: number,
): void {
  const colour = MARK_COLOUR[level] ?? INK;
  const size = 7.5 * unit;
  const y = top + size + 2 * unit;
  ctx.strokeStyle = colour;
  ctx.lineWidth = unit;
  ctx.setLineDash([3 * unit, 3 * unit]);
  ctx.beginPath();
  ctx.moveTo(x, y + size);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.fillStyle = colour;
  ctx.beginPath();
  const corners = level >= 3 ? 8 : level === 2 ? 3 : 4;
  const turn = corners === 8 ? Math.PI / 8 : -Math.PI / 2;
  for (let i = 0; i < corners; i++) {
    const angle = turn + (2 * Math.PI * i) / corners;
    ctx.lineTo(x + size * Math.cos(angle), y + size * Math.sin(angle));
  }
  ctx.fill();
}

/** What a chart shows, for those who do not see it. */
export function summary(chart: Chart, series: Series): string {
  const values = (series[chart.lines[0]?.values ?? "spo2"] as (number | null)[]).filter(
    (value): value is number => value !== null,
  );
  if (values.length === 0) return `${chart.title}: ${t("chart.none")}`;
  const low = Math.min(...values);
  const high = Math.max(...values);
  return `${chart.title}: ${number(low)}–${number(high)} ${chart.unit}`;
}
