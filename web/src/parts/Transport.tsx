import { momentOf, span } from '../format';
import { Choice } from './Toggle';

export const SPEEDS = ['1', '2', '8'] as const;
export type Speed = (typeof SPEEDS)[number];

interface TransportProps {
  live: boolean;
  playing: boolean;
  speed: Speed;
  /** Unix ms of the frame that is shown; of now while live. */
  shown: number;
  now: number;
  setPlaying: (playing: boolean) => void;
  setSpeed: (speed: Speed) => void;
  step: (seconds: number) => void;
  goLive: () => void;
}

/** Plays, pauses and steps; says of when the picture is. */
export function Transport({ live, playing, speed, shown, now, setPlaying, setSpeed, step, goLive }: TransportProps) {
  return (
    <div class="transport" role="group" aria-label="Playback">
      <button type="button" onClick={() => step(-10)} title="Ten seconds back (←)">
        −10 s
      </button>
      <button
        type="button"
        class="play"
        onClick={() => setPlaying(!playing)}
        title={playing ? 'Pause (space)' : 'Play (space)'}
        aria-label={playing ? 'Pause' : 'Play'}
      >
        <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
          {playing ? <path d="M2 1h4v12H2zM8 1h4v12H8z" /> : <path d="M2 1l11 6-11 6z" />}
        </svg>
      </button>
      <button type="button" onClick={() => step(10)} disabled={live} title="Ten seconds on (→)">
        +10 s
      </button>
      <Choice label="Speed" value={speed} all={SPEEDS.map((one) => [one, `${one}×`] as const)} set={setSpeed} />
      <span class="when">
        <time dateTime={new Date(shown).toISOString()}>{momentOf(shown)}</time>
        {!live && <span class="muted">{` ${ago(Math.max((now - shown) / 1000, 0))} ago`}</span>}
      </span>
      <button type="button" class="go-live" aria-pressed={live} onClick={goLive} title="What the camera sees now (End)">
        <span class={live ? 'dot bad-round' : 'dot'} />
        Live
      </button>
    </div>
  );
}

function ago(seconds: number): string {
  const s = Math.round(seconds);
  return s >= 60 && s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : span(s);
}
