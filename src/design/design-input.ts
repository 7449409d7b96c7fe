import type { Facts } from './facts.ts';
import type { Values } from './merge.ts';
import type { Ownership } from './ownership.ts';
import type { Settings } from './settings-type.ts';
import type { Sizing } from './sizes.ts';
import type { Templates } from './template.ts';

/** A values file of the user's, parsed. */
export interface ValuesFile {
  readonly file: string;
  readonly values: Values;
}

/** In the order in which they are merged over ours. */
export interface UserValues {
  readonly loki: readonly ValuesFile[];
  readonly alloy: readonly ValuesFile[];
}

export interface DesignInput {
  readonly settings: Settings;
  readonly facts: Facts;
  readonly templates: Templates;
  readonly own: Ownership;
  readonly tenant: string;
  readonly clusterLabel: string;
  readonly sizing: Sizing;
}
