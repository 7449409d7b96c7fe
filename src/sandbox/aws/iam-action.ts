/** What an IAM action is to the door that routes to it. */
import type { IamState } from './iam-state.ts';
import type { Principal } from './principals.ts';
import type { QueryParameters } from './query.ts';
import type { XmlValue } from './xml.ts';

export interface IamCall {
  readonly state: IamState;
  readonly parameters: QueryParameters;
  readonly principal: Principal;
}
/** What it answers, without the envelope. Throws AwsFault. */
export type IamAction = (call: IamCall) => XmlValue;

/** Documents leave IAM percent-encoded, RFC 3986. */
export function encodeDocument(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
