import { useEffect, useRef, useState } from 'preact/hooks';
import { clockOf, dayOf, minuteOf, momentOf, words } from '../format';
import { frameAt, lineOf, type LogInfo } from '../logs';
import { isKept, pieces, place, ticks, timeAt, type Tick, type Window } from '../timeline';
import type { VisionEvent } from '../types';

const PREVIEW_WIDTH = 160;
const PREVIEW_WAIT_MS = 60;
/** Events this close, in pixels, are one mark, and this close to the pointer they are told. */
const TICK_PX = 3;
const NEAR_PX = 5;

interface TimelineProps {
  info: LogInfo;
  events: readonly VisionEvent[];
  window: Window;
  /** Unix ms of the frame that is shown. */
  shown: number;
  live: boolean;
  /** `last`: the pointer was let go. */
  seek: (time: number, last: boolean) => void;
}

/** What is kept of a camera as a bar, with events on it; a press or a drag goes there. */
export function Timeline({ info, events, window, shown, live, seek }: TimelineProps) {
  const bar = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1000);
  const [hover, setHover] = useState<number | null>(null);
  const [dragged, setDragged] = useState<number | null>(null);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(entry?.contentRect.width ?? 1000, 1)));
    if (bar.current) observer.observe(bar.current);
    return () => observer.disconnect();
  }, []);

  const at = (event: PointerEvent): number => {
    const { left, width: long } = bar.current?.getBoundingClientRect() ?? { left: 0, width: 1 };
    return Math.min(Math.max((event.clientX - left) / long, 0), 1);
  };
  const marks = ticks(events, window, TICK_PX / width);
  const mark = dragged ?? Math.min(Math.max(place(window, shown), 0), 1);
  const time = (share: number) => timeAt(window, share);
  return (
    <div class="timeline">
      <div
        ref={bar}
        class="seek"
        role="slider"
        tabIndex={0}
        aria-label="Time"
        aria-valuemin={Math.round(window.begin / 1000)}
        aria-valuemax={Math.round(window.end / 1000)}
        aria-valuenow={Math.round(shown / 1000)}
        aria-valuetext={live ? 'live' : momentOf(shown)}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDragged(at(event));
          seek(time(at(event)), false);
        }}
        onPointerMove={(event) => {
          setHover(at(event));
          if (dragged === null) return;
          setDragged(at(event));
          seek(time(at(event)), false);
        }}
        onPointerUp={(event) => {
          if (dragged === null) return;
          setDragged(null);
          seek(time(at(event)), true);
        }}
        onPointerCancel={() => {
          setDragged(null);
          setHover(null);
        }}
        onPointerLeave={() => setHover(null)}
      >
        <svg class="kept" width="100%" height="100%" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {pieces(info, window, 2 / width).map(({ from, to }) => (
            <rect key={from} x={from} y="0" width={to - from} height="1" />
          ))}
        </svg>
        <span class="ticks" aria-hidden="true">
          {marks.map((tick) => (
            <span key={`${tick.kind}${tick.at}`} class={`event-tick ${tick.kind}`} style={{ left: `${tick.at * 100}%` }} />
          ))}
        </span>
        <span class={live ? 'needle live' : 'needle'} style={{ left: `${mark * 100}%` }} aria-hidden="true" />
      </div>
      <Scale window={window} width={width} />
      {hover !== null && (
        <Preview
          camera={info.camera}
          time={time(hover)}
          kept={isKept(info, time(hover))}
          left={Math.min(Math.max(hover * width, PREVIEW_WIDTH / 2), Math.max(width - PREVIEW_WIDTH / 2, PREVIEW_WIDTH / 2))}
          near={marks.filter((tick) => Math.abs(tick.at - hover) * width <= NEAR_PX)}
        />
      )}
    </div>
  );
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
const LABEL_PX = 90;

/** Times below the bar, on full minutes or whatever is round at this width. */
function Scale({ window, width }: { window: Window; width: number }) {
  const length = (window.end - window.begin) / 1000;
  const step = (STEPS_S.find((one) => (one / length) * width >= LABEL_PX) ?? 2_592_000) * 1000;
  // Days and hours begin as the clock on the wall has them.
  const zone = new Date(window.end).getTimezoneOffset() * 60_000;
  const labels: number[] = [];
  for (let at = Math.ceil((window.begin - zone) / step) * step + zone; at <= window.end; at += step) labels.push(at);
  return (
    <div class="scale" aria-hidden="true">
      {labels
        .map((at) => ({ at, left: place(window, at) * width }))
        .filter(({ left }) => left >= 24 && left <= width - 24)
        .map(({ at, left }) => (
          <span key={at} style={{ left: `${left}px` }}>
            {step >= 86_400_000 ? dayOf(at) : step % 60_000 === 0 ? minuteOf(at) : clockOf(at / 1000)}
          </span>
        ))}
    </div>
  );
}

interface PreviewProps {
  camera: string;
  time: number;
  kept: boolean;
  left: number;
  near: readonly Tick[];
}

function Preview({ camera, time, kept, left, near }: PreviewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [failure, setFailure] = useState('');
  const second = Math.round(time / 250) * 250;
  useEffect(() => {
    setFailure('');
    if (!kept) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      frameAt(camera, new Date(second).toISOString(), PREVIEW_WIDTH, abort.signal)
        .then(({ picture, time: taken }) => {
          const to = canvas.current;
          if (to && !abort.signal.aborted) {
            to.width = picture.width;
            to.height = picture.height;
            to.getContext('2d')?.drawImage(picture, 0, 0);
            to.dataset.time = taken;
          }
          picture.close();
        })
        .catch((error: unknown) => {
          if (!abort.signal.aborted) setFailure(lineOf(error));
        });
    }, PREVIEW_WAIT_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [camera, second, kept]);
  return (
    <div class="preview" style={{ left: `${left}px` }} aria-hidden="true">
      {!kept ? (
        <p class="muted">nothing is kept here</p>
      ) : failure ? (
        <p class="bad-text">{failure}</p>
      ) : (
        <canvas ref={canvas} width="16" height="9" />
      )}
      <p>{momentOf(time)}</p>
      {near.slice(0, 3).map((tick) => (
        <p key={tick.kind} class="near">
          <span class={`key ${tick.kind}`} />
          {describe(tick)}
        </p>
      ))}
    </div>
  );
}

function describe({ kind, events }: Tick): string {
  const [first] = events;
  if (!first || events.length > 1) return `${words(kind)} × ${events.length}`;
  return `${words(first.label || 'object')} ${words(kind)} ${first.zone}`;
}
