/** What a scheduler says of a pod that it tries again within seconds: two writers met at the same object. */
export const isPassing = (message: string): boolean => /Operation cannot be fulfilled on|the object has been modified/i.test(message);
