/** What a look says of a thing that was not there: it is made without being looked at once more, for making it fails where it is there by now. */
import type { Inspection } from '../engine/types.ts';

export const willCreate = (found: Inspection): boolean => found.is === 'differs' && found.changes.some(({ action }) => action === 'create');
