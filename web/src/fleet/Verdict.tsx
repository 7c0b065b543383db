import { rate } from '../format';
import type { Applied, Change } from './types';

interface VerdictProps {
  answer: Applied;
  applied: boolean;
  /** Applies it although the objective cannot be kept; null while that cannot be asked for. */
  force: (() => void) | null;
}

const SIGNS: Record<string, string> = { add: '+', change: '~', remove: '−' };
const MOST = 60;

/** What a check or an apply says. */
export function Verdict({ answer, applied, force }: VerdictProps) {
  const { changes, effect, prediction, refused } = answer;
  return (
    <>
      <h3 class={applied ? 'good-text' : ''}>
        {applied ? `✓ Version ${answer.version} is applied` : changes.length === 0 ? 'Nothing would change' : 'What would change'}
      </h3>
      {changes.length > 0 && (
        <ul class="changes">
          {changes.slice(0, MOST).map((change, i) => (
            <ChangeRow key={i} change={change} />
          ))}
          {changes.length > MOST && <li class="muted">and {changes.length - MOST} more</li>}
        </ul>
      )}
      {effect.length > 0 && (
        <>
          <h3>{applied ? 'So' : 'Then'}</h3>
          <ul class="effects">
            {effect.map((line, i) => (
              <li key={i}>{line}</li>
            ))}
          </ul>
        </>
      )}
      {refused && !applied ? (
        <div class="refusal" role="alert">
          <h3 class="bad-text">The objective cannot be kept</h3>
          <p>{refused.message}</p>
          <p class="muted">
            The best that is possible: p95 {Math.round(refused.best.latency_p95_ms)} ms at {rate(refused.best.fps)} frames a second.
          </p>
          {force && (
            <button type="button" onClick={force}>
              Apply anyway
            </button>
          )}
        </div>
      ) : (
        prediction && (
          <p class={prediction.met ? 'muted' : 'warn-text'}>
            Expected: p95 {Math.round(prediction.latency_p95_ms)} ms at {rate(prediction.fps)} frames a second, the objective{' '}
            {prediction.met ? 'met' : 'missed'}.
          </p>
        )
      )}
    </>
  );
}

function ChangeRow({ change }: { change: Change }) {
  const { what, kind, name, from, to } = change;
  return (
    <li class={what} data-kind={kind}>
      <span class="sign" aria-label={what}>
        {SIGNS[what] ?? '•'}
      </span>
      <span>
        {kind !== 'setting' && <span class="muted">{kind} </span>}
        <span class="strong">{name}</span>
        {from != null && (
          <>
            : <code>{from}</code>
          </>
        )}
        {from != null && to != null && ' → '}
        {to != null && (
          <>
            {from == null && ': '}
            <code>{to}</code>
          </>
        )}
      </span>
    </li>
  );
}
