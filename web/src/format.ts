const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

export function count(value: number): string {
  return value < 100_000 ? whole.format(value) : compact.format(value);
}

export function rate(value: number): string {
  return value >= 100 ? whole.format(value) : value.toFixed(1);
}

/** Milliseconds with three digits that matter. */
export function ms(value: number | null): string {
  if (value === null) return '–';
  if (value >= 100) return whole.format(value);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function clock(rfc3339: string): string {
  return time.format(new Date(rfc3339));
}

export function span(seconds: number): string {
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((all, one) => all + one, 0);
}

export function words(identifier: string): string {
  return identifier.replaceAll('_', ' ');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

export function bytes(value: number): string {
  let at = 0;
  while (value >= 999.5 && at < UNITS.length - 1) {
    value /= 1000;
    ++at;
  }
  return `${at === 0 || value >= 100 ? whole.format(value) : value.toFixed(1)} ${UNITS[at]}`;
}

/** Seconds as milliseconds; "–" while nothing was measured. */
export function msOf(times: { count: number }, seconds: number): string {
  return times.count > 0 ? ms(seconds * 1000) : '–';
}

export function clockOf(unixSeconds: number): string {
  return time.format(new Date(unixSeconds * 1000));
}

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false });

export function dateOf(unixSeconds: number): string {
  return day.format(new Date(unixSeconds * 1000));
}

const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

/** "22 Nov 2026, 12:30:05" in the browser's language and zone. */
export function momentOf(unixMs: number): string {
  return `${date.format(new Date(unixMs))}, ${time.format(new Date(unixMs))}`;
}

const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });

export function minuteOf(unixMs: number): string {
  return minute.format(new Date(unixMs));
}

export function dayOf(unixMs: number): string {
  return date.format(new Date(unixMs));
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A web address that may stand in a link; "" for anything else, scripts above all. */
export function safeUrl(text: string): string {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : '';
  } catch {
    return '';
  }
}
