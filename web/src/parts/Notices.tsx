import { asApiError } from '../api';
import { Observable, useChanges } from '../observable';

interface Notice {
  id: number;
  tone: 'good' | 'bad';
  text: string;
  hint: string;
}

const SHOWN_MS = { good: 4000, bad: 12_000 };
const MOST = 4;

class Board extends Observable {
  notices: Notice[] = [];
  private next = 0;

  tell(tone: Notice['tone'], text: string, hint = ''): void {
    const id = this.next++;
    this.notices = [...this.notices, { id, tone, text, hint }].slice(-MOST);
    window.setTimeout(() => this.close(id), SHOWN_MS[tone]);
    this.changedNow();
  }

  close(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
    this.changedNow();
  }
}

const board = new Board();

/** Does `work` and tells how it went in a corner of the page. True when it went well. */
export async function attempt(work: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await work();
    board.tell('good', done);
    return true;
  } catch (thrown) {
    const error = asApiError(thrown);
    if (error.status !== 401) board.tell('bad', error.message, error.hint);
    return false;
  }
}

export function Notices() {
  useChanges(board);
  return (
    <div class="notices" aria-live="polite">
      {board.notices.map((notice) => (
        <div key={notice.id} class={`notice ${notice.tone}`} role={notice.tone === 'bad' ? 'alert' : undefined}>
          <span>
            {notice.text}
            {notice.hint && <span class="muted"> ({notice.hint})</span>}
          </span>
          <button type="button" class="quiet" aria-label="Close" onClick={() => board.close(notice.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
