/** Everything a check may use; each takes the slice it needs. */
import type { Settings } from '../design/settings-type.ts';
import type { Context } from '../context.ts';

export interface CheckContext extends Context {
  readonly settings: Settings;
}
