import { api } from '../api';
import { Observable } from '../observable';
import type { LogLine, LogPage } from './types';

const LINES_KEPT = 1000;
const LINES_AT_ONCE = 300;
const MOST_PAGES = 10;

/** The newest lines of the event log about one application, one node, or everything. Newest first. */
export class LogFeed extends Observable {
  lines: LogLine[] = [];
  loaded = false;
  problem = '';
  private newest = 0;
  private busy = false;

  constructor(
    readonly application: string,
    readonly node: string,
  ) {
    super();
  }

  /** What came since the last line; everything at first, and when the controller began a new log. */
  async catchUp(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      let page = await this.fetch(this.newest);
      if (page.newest < this.newest) {
        this.lines = [];
        this.newest = 0;
        page = await this.fetch(0);
      }
      this.add(page.lines);
      // A page goes from old to new: after a long absence there are more of them than one.
      for (let more = 0; this.newest > 0 && page.lines.length === LINES_AT_ONCE && more < MOST_PAGES; ++more) {
        page = await this.fetch(Math.max(...page.lines.map((line) => line.id)));
        this.add(page.lines);
      }
      this.newest = Math.max(this.newest, page.newest);
      this.loaded = true;
      this.problem = '';
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  take(line: LogLine): void {
    // Without its beginning a log would look complete.
    if (!this.loaded) return;
    this.newest = Math.max(this.newest, line.id);
    this.add([line]);
    this.changed();
  }

  private fetch(after: number): Promise<LogPage> {
    const query = new URLSearchParams({ limit: String(LINES_AT_ONCE) });
    if (after > 0) query.set('after', String(after));
    if (this.application) query.set('application', this.application);
    if (this.node) query.set('node', this.node);
    return api<LogPage>('GET', `/api/fleet/log?${query}`);
  }

  private add(lines: LogLine[]): void {
    const known = new Set(this.lines.map((line) => line.id));
    const fresh = lines.filter(
      (line) =>
        !known.has(line.id) && (!this.application || line.application === this.application) && (!this.node || line.node === this.node),
    );
    if (fresh.length > 0) this.lines = [...fresh, ...this.lines].sort((a, b) => b.id - a.id).slice(0, LINES_KEPT);
  }
}
