/** Responses that should be JSON, but may be anything: a proxy's login page, nothing at all, or another program's output. */

export type Fields = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `undefined` if it is not a JSON object. */
export function recordIn(body: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const wordsIn = (value: unknown): readonly string[] => listIn(value).filter((one) => typeof one === 'string');

/** The beginning of what was received instead. */
export function received(body: string): string {
  const text = body.slice(0, 400).replace(/\s+/g, ' ').trim();
  if (text === '') return 'an empty body';
  const begun = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return /^<(!doctype|html)/i.test(text) ? `a web page: ${begun}` : `something else: ${begun}`;
}
