/** The type of an IAM action, as the IAM server routes to it. */
import type { IamState } from './iam-state.ts';
import type { Principal } from './principals.ts';
import type { QueryParameters } from './query.ts';
import type { XmlValue } from './xml.ts';

export interface IamCall {
  readonly state: IamState;
  readonly parameters: QueryParameters;
  readonly principal: Principal;
}
/** The answer without its envelope. Throws AwsFault. */
export type IamAction = (call: IamCall) => XmlValue;

/** IAM returns documents percent-encoded, RFC 3986. */
export function encodeDocument(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
