/** Characters: external text is made harmless, measured and folded to the terminal's width. */

const ESCAPE = '\u001b';
// Escape sequences (CSI, OSC, single shift), whole, so that no tail of one is left behind as text.
const SEQUENCES = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\p{Cc}]*(?:\u0007|${ESCAPE}\\\\)?|[@-Z\\\\-_])`, 'gu');
// Other control characters except the newline, and the marks that reorder text on a terminal.
const CONTROLS = /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu;
const COLOURS = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');

/** One or more lines without characters that could move the cursor, recolour or reorder the terminal. */
export function clean(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(SEQUENCES, '').replace(/\t/g, '  ').replace(CONTROLS, '');
}

/** The same on one line. */
export const oneLine = (text: string): string =>
  clean(text)
    .replace(/(?<!\s)\s*\n\s*/g, ' ')
    .trim();

/** Columns that a text takes; our own colours take none, East Asian and emoji characters two. */
export function width(text: string): number {
  let columns = 0;
  for (const character of text.replace(COLOURS, '')) columns += columnsOf(character.codePointAt(0) ?? 0);
  return columns;
}

function columnsOf(code: number): number {
  if ((code >= 0x300 && code <= 0x36f) || code === 0x200b || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

/** Cut to at most `columns`, with an ellipsis if something is missing. For text without colours. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = '';
  for (const character of text) {
    if (width(kept + character) > columns - 1) break;
    kept += character;
  }
  return columns > 0 ? `${kept.trimEnd()}…` : '';
}

/** A command on its own line is never folded: it must survive being copied. Words after a comma make it a sentence. */
const COMMAND = /^(loki-eks|kubectl|aws|helm|eksctl|export|rm) (?!.*[,;.] [A-Za-z])/;

/** Folded at spaces; a word longer than a line (an ARN, a command) is not split, so that it can be copied. */
export function fold(text: string, columns: number): readonly string[] {
  return text.split('\n').flatMap((paragraph) => (COMMAND.test(paragraph) ? [paragraph] : foldLine(paragraph, Math.max(columns, 20))));
}

/** Prose is folded; a line that contains a command (`Password: kubectl …`) is not. */
export function foldNote(text: string, columns: number): readonly string[] {
  return text.split('\n').flatMap((line) => (/(?:^|: )(?:loki-eks|kubectl|aws|helm) /.test(line) ? [line] : foldLine(line, columns)));
}

/** The same for one line, whatever it begins with. */
export function foldLine(paragraph: string, columns: number): readonly string[] {
  const indent = /^ */.exec(paragraph)?.[0] ?? '';
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.trim().split(/ +/)) {
    const longer = line === '' ? indent + word : `${line} ${word}`;
    if (line !== '' && width(longer) > columns) {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

export const pad = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - width(text)));

/** `left … right` over the whole width; with at least two spaces in between. */
export const spread = (left: string, right: string, columns: number): string =>
  right === '' ? left : left + ' '.repeat(Math.max(2, columns - width(left) - width(right))) + right;

/** `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
const two = (number: number) => String(number).padStart(2, '0');

/** `1 change`, `2 changes`. */
export const count = (number: number, thing: string, things = `${thing}s`): string => `${number.toLocaleString('en-US')} ${number === 1 ? thing : things}`;

export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
