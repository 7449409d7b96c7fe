/** What is wrong with values, and how they are read. */
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

/** The value at a path with dots; `undefined` where there is none. */
export const valueAt = (values: Values, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), values);
