/** `detected_level`, which Loki 3 adds to every line it accepts: from a label, a field of the line, or a word in it. */
import type { StreamLabels } from './streams.ts';

export const LEVEL_FIELDS = [
  'level',
  'LEVEL',
  'Level',
  'log.level',
  'severity',
  'SEVERITY',
  'Severity',
  'SeverityText',
  'lvl',
  'LVL',
  'Lvl',
  'severity_text',
  'Severity_Text',
  'SEVERITY_TEXT',
];
const KNOWN: Readonly<Record<string, string>> = {
  trace: 'trace',
  trc: 'trace',
  debug: 'debug',
  dbg: 'debug',
  info: 'info',
  inf: 'info',
  information: 'info',
  warn: 'warn',
  wrn: 'warn',
  warning: 'warn',
  error: 'error',
  err: 'error',
  critical: 'critical',
  fatal: 'fatal',
};
const IN_JSON = new RegExp(`"(?:${LEVEL_FIELDS.map((field) => field.replace('.', '\\.')).join('|')})"\\s*:\\s*"([^"]*)"`);
const IN_LOGFMT = /(?:^|\s)(?:level|severity|severitytext|lvl|severity_text|log\.level)="?([^\s"]+)/i;
const IN_WORDS = /(?<![a-z\d_])(trace|debug|fatal|critical|error|err|warning|warn|info)(?![a-z\d_])/i;

export function levelOf(labels: StreamLabels, line: string): string {
  const label = LEVEL_FIELDS.find((field) => labels[field] !== undefined);
  if (label !== undefined) return KNOWN[(labels[label] ?? '').toLowerCase()] ?? (labels[label] as string);
  const field = (line.startsWith('{') ? IN_JSON : IN_LOGFMT).exec(line)?.[1]?.toLowerCase() ?? '';
  return KNOWN[field] ?? KNOWN[IN_WORDS.exec(line)?.[1]?.toLowerCase() ?? ''] ?? 'unknown';
}
