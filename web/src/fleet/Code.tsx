import type { RefObject } from 'preact';
import type { Fault } from './faults';

interface CodeProps {
  text: string;
  faults: Fault[];
  readOnly: boolean;
  label: string;
  area: RefObject<HTMLTextAreaElement>;
  set: (text: string) => void;
  /** Ctrl-Enter. */
  enter: () => void;
}

const LINE_PX = 20;
const LEAST_LINES = 16;
/** Room behind the longest line, so that what is said about it can be read. */
const SPARE_COLUMNS = 4;

/** A text with numbered lines; what is wrong with a line stands behind it. Tab moves on, as everywhere on the page. */
export function Code({ text, faults, readOnly, label, area, set, enter }: CodeProps) {
  const lines = text.split('\n');
  const height = Math.max(lines.length, LEAST_LINES) * LINE_PX;
  const present = faults.filter((fault) => fault.line > 0 && lines[fault.line - 1] === fault.of);
  const byLine = new Map<number, string>();
  for (const fault of present) byLine.set(fault.line, [byLine.get(fault.line), fault.text].filter(Boolean).join(' · '));
  const columns = Math.max(...lines.map((line) => line.length), 40) + SPARE_COLUMNS;
  return (
    <div class="code">
      <div class="gutter" aria-hidden="true">
        {lines.map((_, i) => (
          <span key={i} class={byLine.has(i + 1) ? 'bad' : ''}>
            {i + 1}
          </span>
        ))}
      </div>
      <div class="code-area" style={{ height: `${height}px`, minWidth: `${columns}ch` }}>
        {[...byLine].map(([line, what]) => (
          <div
            key={line}
            class="fault-line"
            data-line={line}
            style={{ top: `${(line - 1) * LINE_PX}px`, paddingLeft: `${(lines[line - 1] ?? '').length + 3}ch` }}
          >
            {what}
          </div>
        ))}
        <textarea
          ref={area}
          value={text}
          wrap="off"
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          readOnly={readOnly}
          aria-label={label}
          aria-invalid={byLine.size > 0}
          onInput={(event) => set(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || readOnly) return;
            event.preventDefault();
            enter();
          }}
        />
      </div>
    </div>
  );
}
