import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ApiError, asApiError } from '../api';
import { attempt } from '../parts/Notices';
import { Problem } from '../parts/Problem';
import { plural } from '../format';
import { Code } from './Code';
import { type Fault, faultsOf } from './faults';
import { fleet } from './store';
import type { Applied } from './types';
import { Verdict } from './Verdict';

interface EditorProps {
  /** "": asked from the text each time. */
  name: string;
  present: string;
  version: number;
  readOnly: boolean;
  nameOf?: (yaml: string) => string;
  applied?: (name: string) => void;
}

/** What was typed and not applied, kept while other pages are looked at. */
const drafts = new Map<string, { text: string; version: number }>();

type Outcome =
  | { kind: 'none' }
  | { kind: 'checked'; answer: Applied }
  | { kind: 'applied'; answer: Applied }
  | { kind: 'faults'; faults: Fault[] }
  | { kind: 'impossible'; error: ApiError }
  | { kind: 'error'; error: ApiError };

export function Editor({ name, present, version, readOnly, nameOf, applied }: EditorProps) {
  const draft = drafts.get(name);
  const [text, setText] = useState(draft?.text ?? present);
  const [base, setBase] = useState({ text: present, version: draft?.version ?? version });
  const [outcome, setOutcome] = useState<Outcome>({ kind: 'none' });
  const [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const changed = text !== base.text;
  const overtaken = version !== base.version;

  // Nothing typed yet: what others apply is shown at once.
  useEffect(() => {
    if (changed || !overtaken) return;
    setText(present);
    setBase({ text: present, version });
  }, [version]);

  useEffect(() => {
    if (changed && !readOnly) drafts.set(name, { text, version: base.version });
    else drafts.delete(name);
  }, [text, base]);

  useEffect(() => {
    if (!changed) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [changed]);

  async function send(how: 'check' | 'apply' | 'force') {
    if (busy) return;
    const target = name || (nameOf?.(text) ?? '');
    if (target === '') {
      setOutcome({ kind: 'error', error: new ApiError(0, 'usage', 'the application has no name', 'begin with application: NAME') });
      return;
    }
    setBusy(true);
    const query = new URLSearchParams({ origin: target });
    if (how === 'check') query.set('dry_run', '1');
    if (how === 'force') query.set('force', '1');
    try {
      const answer = await api<Applied>('PUT', `/api/fleet/apps/${encodeURIComponent(target)}?${query}`, text, 'application/yaml');
      setOutcome({ kind: how === 'check' ? 'checked' : 'applied', answer });
      if (how !== 'check') {
        setBase({ text, version: answer.version });
        drafts.delete(name);
        fleet.refresh();
        applied?.(target);
      }
    } catch (thrown) {
      const error = asApiError(thrown);
      const faults = error.status === 400 ? faultsOf(error.message, target, text) : [];
      if (error.status === 409 && error.code === 'invalid_config') setOutcome({ kind: 'impossible', error });
      else if (faults.some(({ line }) => line > 0)) setOutcome({ kind: 'faults', faults });
      else setOutcome({ kind: 'error', error });
    } finally {
      setBusy(false);
    }
  }

  function goTo(line: number) {
    const field = area.current;
    if (!field) return;
    const begin =
      text
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length + (line > 1 ? 1 : 0);
    field.focus();
    field.setSelectionRange(begin, begin);
  }

  const faults = outcome.kind === 'faults' ? outcome.faults : [];
  return (
    <section class="panel editor" aria-labelledby="editor-title">
      <div class="panel-head">
        <h2 id="editor-title">{name ? 'YAML' : 'New application'}</h2>
        <span class="muted">{readOnly ? 'to look at only: your role may not change it' : changed ? 'changed, not applied' : ''}</span>
        {!readOnly && (
          <span class="tools">
            {changed && name && (
              <button
                type="button"
                class="quiet"
                onClick={() => {
                  setText(present);
                  setBase({ text: present, version });
                  setOutcome({ kind: 'none' });
                }}
              >
                Take back
              </button>
            )}
            <button type="button" disabled={busy} onClick={() => void send('check')} title="Shows what would change (Ctrl-Enter)">
              Check
            </button>
            <button type="button" class="primary" disabled={busy || (name !== '' && !changed)} onClick={() => void send('apply')}>
              Apply
            </button>
          </span>
        )}
      </div>
      {overtaken && changed && (
        <p class="note warn-text" role="status">
          Version {version} was applied meanwhile; you began with {base.version}.{' '}
          <button
            type="button"
            onClick={() => {
              setText(present);
              setBase({ text: present, version });
            }}
          >
            Show version {version}
          </button>
        </p>
      )}
      <div class="editor-body">
        <Code
          text={text}
          faults={faults}
          readOnly={readOnly}
          label={name ? `YAML of ${name}` : 'YAML of the new application'}
          area={area}
          set={setText}
          enter={() => void send('check')}
        />
        <div class="verdict" aria-live="polite">
          {outcome.kind === 'none' && (
            <p class="muted">
              {readOnly
                ? 'As it was last applied.'
                : 'Check shows what would change, where it would run, and whether its objective can be kept. Nothing runs otherwise until you apply.'}
            </p>
          )}
          {outcome.kind === 'faults' && <Faults faults={faults} go={goTo} />}
          {outcome.kind === 'error' && <Problem error={outcome.error} />}
          {outcome.kind === 'impossible' && (
            <div class="refusal" role="alert">
              <h3 class="bad-text">The objective cannot be kept</h3>
              <p>{outcome.error.message}</p>
              <p class="muted">Ask for less, allow it to adapt, or add a node.</p>
              <button type="button" disabled={busy} onClick={() => void send('force')}>
                Apply anyway
              </button>
            </div>
          )}
          {(outcome.kind === 'checked' || outcome.kind === 'applied') && (
            <Verdict
              answer={outcome.answer}
              applied={outcome.kind === 'applied'}
              force={busy || readOnly ? null : () => void send('force')}
            />
          )}
        </div>
      </div>
      {readOnly && (
        <p class="note">
          <button type="button" onClick={() => void attempt(() => navigator.clipboard.writeText(text), 'Copied')}>
            Copy
          </button>
        </p>
      )}
    </section>
  );
}

function Faults({ faults, go }: { faults: Fault[]; go: (line: number) => void }) {
  return (
    <div role="alert">
      <h3 class="bad-text">{plural(faults.length, 'fault')}: nothing was changed</h3>
      <ol class="faults">
        {faults.map((fault, i) => (
          <li key={i}>
            {fault.line > 0 ? (
              <button type="button" class="quiet" onClick={() => go(fault.line)} aria-label={`Line ${fault.line}: ${fault.text}`}>
                line {fault.line}
              </button>
            ) : null}{' '}
            {fault.text}
          </li>
        ))}
      </ol>
    </div>
  );
}
