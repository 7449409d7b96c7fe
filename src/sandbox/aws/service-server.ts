/** What the one HTTP door asks of each AWS service: which call a request is, how to run it, and how its errors look. */
import type { AwsFault } from '../types.ts';
import type { Principal } from './principals.ts';
import type { WireAnswer, WireRequest } from './wire.ts';

export interface Caller {
  /** Absent for requests that carry no signature. */
  readonly principal: Principal | undefined;
  /** The region the request was signed for; the account's own when it was not signed. */
  readonly region: string;
}

export interface ServiceCall {
  /** `s3:CreateBucket` */
  readonly call: string;
  readonly write: boolean;
  readonly run: (caller: Caller) => WireAnswer;
}

export interface ServiceServer {
  readonly route: (request: WireRequest) => ServiceCall;
  readonly renderError: (fault: AwsFault, request: WireRequest) => WireAnswer;
  /** This service's names for what can be wrong with a signature, and for what a fault rule does. */
  readonly codes: ServiceCodes;
}

export interface ServiceCodes {
  readonly unknownKey: readonly [number, string, string];
  readonly badSignature: readonly [number, string, string];
  readonly expired: readonly [number, string, string];
  readonly badToken: readonly [number, string, string];
  readonly skewed: readonly [number, string, string];
  readonly unsigned: readonly [number, string, string];
  readonly internal: readonly [number, string, string];
  readonly throttled: readonly [number, string, string];
  readonly denied: string;
}
