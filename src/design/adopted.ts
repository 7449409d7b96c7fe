/** What an installation has taken over: names and settings that hold from then on, unless somebody says otherwise. */
import type { Json } from '../engine/types.ts';
import type { Settings } from './settings-type.ts';

/** What is learned from the installation that is adopted, or said when it is. */
export const adoptable = [
  'tenant',
  'clusterLabel',
  'retentionDays',
  'identity',
  'chunksBucket',
  'rulerBucket',
  'roleName',
  'iamPath',
  'kmsKey',
  'gatewayUser',
] as const satisfies readonly (keyof Settings)[];

export interface Adopted {
  readonly settings: Partial<Pick<Settings, (typeof adoptable)[number]>>;
  /** The Secret of the gateway's password file, where it is not named as ours is. */
  readonly passwordSecret?: string;
  /** Users of that file other than ours; their lines stay in it. */
  readonly otherUsers?: readonly string[];
  /** Periods of the schema, as the adopted Loki had them; see `schema.ts`. */
  readonly schema?: readonly Json[];
}

/** What somebody said wins; what nobody said is as it was adopted, and a default only where nothing was. */
export function withAdopted(settings: Settings, of: { readonly adopted: Adopted | undefined; readonly said: ReadonlySet<string> | undefined }): Settings {
  const learned = Object.entries(of.adopted?.settings ?? {}).filter(([key]) => !of.said?.has(key));
  return { ...settings, ...Object.fromEntries(learned) };
}
