// Faults of an application's YAML, as a refusal lists them: one a line, "people: …" or "people:12: …".

export interface Fault {
  /** From 1; 0: of the whole. */
  line: number;
  text: string;
  /** What stood in the line when it was checked: a fault of a line that was edited since is no longer shown there. */
  of: string;
}

export function faultsOf(message: string, origin: string, yaml: string): Fault[] {
  const lines = yaml.split('\n');
  return message
    .split('\n')
    .map((row) => row.trim())
    .filter(Boolean)
    .map((row) => {
      const rest = row.startsWith(`${origin}:`) ? row.slice(origin.length + 1) : row;
      const place = /^(\d+)(?::\d+)?:\s*/.exec(rest);
      const line = Math.min(Number(place?.[1] ?? 0), lines.length);
      return { line, text: place ? rest.slice(place[0].length) : rest.trim(), of: lines[line - 1] ?? '' };
    });
}

/** The value of the top-level key `application`; "" when there is none. */
export function nameIn(yaml: string): string {
  const found = /^application:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^#\n]*?))[ \t]*(?:#.*)?$/m.exec(yaml);
  return (found?.[1] ?? found?.[2] ?? found?.[3] ?? '').trim();
}
