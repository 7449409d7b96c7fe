/** Faults in values, and how values are read. */
import type { DoctorCode } from '../problems/catalogue.ts';
import { isMap, type Values } from './merge.ts';

export interface Fault {
  readonly code: DoctorCode;
  readonly severity: 'fail' | 'warn';
  readonly hop: string;
  readonly message: string;
  readonly fix?: string;
  readonly evidence?: readonly string[];
}

/** The value at a dotted path; `undefined` if it does not exist. */
export const valueAt = (values: Values, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), values);
