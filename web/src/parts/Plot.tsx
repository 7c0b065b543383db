import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

interface PlotProps {
  data: uPlot.AlignedData;
  /** Called again when `name` or the theme changes; colours are read from the page's variables. */
  options: (place: HTMLElement, color: (variable: string) => string) => uPlot.Options;
  name: string;
  label: string;
  height: number;
}

/** A chart as wide as there is room. */
export function Plot({ data, options, name, label, height }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [theme, setTheme] = useState(0);

  useEffect(() => {
    const changed = () => setTheme((turn) => turn + 1);
    const system = window.matchMedia('(prefers-color-scheme: dark)');
    window.addEventListener('themechange', changed);
    system.addEventListener('change', changed);
    return () => {
      window.removeEventListener('themechange', changed);
      system.removeEventListener('change', changed);
    };
  }, []);

  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const style = getComputedStyle(place);
    const made = options(place, (variable) => style.getPropertyValue(variable).trim());
    const chart = new uPlot({ ...made, width: place.clientWidth, height }, data, place);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height }));
    observer.observe(place);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [name, theme]);

  useEffect(() => plot.current?.setData(data), [data]);

  return <div class="chart" ref={box} role="img" aria-label={label} data-points={data[0].length} style={{ minHeight: `${height}px` }} />;
}

export function axisOf(color: (variable: string) => string): uPlot.Axis {
  return {
    stroke: color('--muted'),
    font: '11px ui-sans-serif, system-ui, sans-serif',
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1, size: 4 },
  };
}
