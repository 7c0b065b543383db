// What the page knows of the fleet. The controller tells over one stream of events that something changed; then what is shown is
// asked for again, at most once a second. Without that stream the same is done every two seconds.

import { useEffect } from 'preact/hooks';
import { api, type ApiError, asApiError } from '../api';
import { Observable, useChanges } from '../observable';
import { LogFeed } from './feed';
import { forgetPasts, remember } from './past';
import type { FleetApplication, LogLine, Overview } from './types';

export type Following = 'watching' | 'asking' | 'lost';

export interface Answer<T> {
  data: T | null;
  error: ApiError | null;
}

interface Slot {
  users: number;
  everyMs: number;
  asked: number;
  busy: boolean;
  answer: Answer<unknown>;
}

const LEAST_PAUSE_MS = 1000;
const ASKING_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 5000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;
const MOST_SLOTS = 64;
const OVERVIEW = '/api/fleet';
export const APPS = '/api/fleet/apps';

class FleetStore extends Observable {
  following: Following = 'asking';
  overview: Overview | null = null;
  /** How far the browser's clock is ahead of the controller's is not known; this is when the last answer came, by the browser's. */
  heardAt = 0;

  private running = false;
  private due = false;
  private lastTurn = 0;
  private turnTook = 0;
  private timer = 0;
  private source: EventSource | null = null;
  private retryMs = FIRST_RETRY_MS;
  private retryTimer = 0;
  private readonly slots = new Map<string, Slot>();
  private readonly feeds = new Set<LogFeed>();
  private readonly seen = () => document.hidden || this.refresh();

  start(overview: Overview): void {
    if (this.running) return;
    this.running = true;
    this.overview = overview;
    this.use(OVERVIEW, 0);
    this.use(APPS, 0);
    this.watch();
    this.due = true;
    this.timer = window.setInterval(() => void this.turn(), 250);
    document.addEventListener('visibilitychange', this.seen);
  }

  /** Forgets everything: what comes next may be somebody else's. */
  stop(): void {
    this.running = false;
    window.clearInterval(this.timer);
    window.clearTimeout(this.retryTimer);
    document.removeEventListener('visibilitychange', this.seen);
    this.source?.close();
    this.source = null;
    this.slots.clear();
    this.feeds.clear();
    this.overview = null;
    forgetPasts();
  }

  /** Asks again for all that is shown, at once. */
  refresh(): void {
    this.due = true;
    this.lastTurn = 0;
    void this.turn();
  }

  use(path: string, everyMs: number): () => void {
    const slot = this.slots.get(path) ?? { users: 0, everyMs, asked: 0, busy: false, answer: { data: null, error: null } };
    this.slots.delete(path);
    this.slots.set(path, slot);
    ++slot.users;
    for (const [old, { users }] of this.slots) if (users === 0 && this.slots.size > MOST_SLOTS) this.slots.delete(old);
    if (this.running && slot.asked + LEAST_PAUSE_MS < Date.now()) void this.ask(path, slot);
    return () => {
      --slot.users;
    };
  }

  answerOf<T>(path: string): Answer<T> {
    return (this.slots.get(path)?.answer ?? { data: null, error: null }) as Answer<T>;
  }

  follow(feed: LogFeed): () => void {
    this.feeds.add(feed);
    void feed.catchUp();
    return () => this.feeds.delete(feed);
  }

  private watch(): void {
    window.clearTimeout(this.retryTimer);
    const source = new EventSource('/api/fleet/watch');
    this.source = source;
    const opened = () => {
      if (this.following === 'watching') return;
      this.following = 'watching';
      this.retryMs = FIRST_RETRY_MS;
      this.due = true;
      for (const feed of this.feeds) void feed.catchUp();
      this.changed();
    };
    source.onopen = opened;
    source.addEventListener('fleet', () => {
      opened();
      this.due = true;
    });
    source.addEventListener('log', (message) => {
      opened();
      const line = JSON.parse((message as MessageEvent<string>).data) as LogLine;
      for (const feed of this.feeds) feed.take(line);
    });
    source.onerror = () => {
      source.close();
      if (this.source !== source) return;
      if (this.following === 'watching') this.following = 'asking';
      this.retryTimer = window.setTimeout(() => this.running && this.watch(), this.retryMs * (0.75 + Math.random() / 2));
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
      this.changed();
    };
  }

  private async turn(): Promise<void> {
    if (!this.running || document.hidden) return;
    const since = Date.now() - this.lastTurn;
    // A large fleet takes long to answer: it is asked less often.
    const least = Math.max(this.following === 'watching' ? LEAST_PAUSE_MS : ASKING_PAUSE_MS, 4 * this.turnTook);
    if (since < least || !(this.due || this.following !== 'watching' || since > LONGEST_PAUSE_MS)) return;
    this.due = false;
    this.lastTurn = Date.now();
    const now = Date.now();
    const asked = [...this.slots].filter(([, slot]) => slot.users > 0 && now - slot.asked >= slot.everyMs);
    const answered = await Promise.all(asked.map(([path, slot]) => this.ask(path, slot)));
    this.turnTook = Date.now() - now;
    if (!this.running) return;
    if (answered.some(Boolean)) {
      if (this.following === 'lost') this.following = 'asking';
      if (this.following === 'asking') for (const feed of this.feeds) void feed.catchUp();
    } else if (answered.length > 0) {
      this.following = 'lost';
    }
    this.changed();
  }

  /** Whether something answered, be it an error. */
  private async ask(path: string, slot: Slot): Promise<boolean> {
    if (slot.busy) return true;
    slot.busy = true;
    slot.asked = Date.now();
    try {
      const data = await api<unknown>('GET', path);
      slot.answer = { data, error: null };
      this.heardAt = Date.now();
      if (path === OVERVIEW) this.overview = data as Overview;
      if (path === APPS) remember((data as { applications: FleetApplication[] }).applications, Date.now() / 1000);
      return true;
    } catch (thrown) {
      const error = asApiError(thrown);
      // What was known stays on the screen through an outage, but not when it is gone.
      slot.answer = { data: error.status === 404 ? null : slot.answer.data, error };
      return error.status !== 0;
    } finally {
      slot.busy = false;
      this.changed();
    }
  }
}

export const fleet = new FleetStore();

export function useFleet<T>(select: (from: FleetStore) => T): T {
  useChanges(fleet);
  return select(fleet);
}

/** What `path` answers, asked again whenever the fleet changed, but not oftener than `everyMs`. */
export function useAnswer<T>(path: string, everyMs = 0): Answer<T> {
  useEffect(() => fleet.use(path, everyMs), [path]);
  useChanges(fleet);
  return fleet.answerOf<T>(path);
}
