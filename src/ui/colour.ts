/** Colours, defined only here; a `Paint` that is off returns its text unchanged. */

export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly careful: (text: string) => string;
  readonly active: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
}

const code = (start: number, end: number) => (text: string) => (text === '' ? '' : `\u001b[${start}m${text}\u001b[${end}m`);
const same = (text: string) => text;

const colours: Paint = {
  good: code(32, 39),
  bad: code(31, 39),
  careful: code(33, 39),
  active: code(36, 39),
  faint: code(2, 22),
  strong: code(1, 22),
};
const none: Paint = { good: same, bad: same, careful: same, active: same, faint: same, strong: same };

export const paint = (on: boolean): Paint => (on ? colours : none);
