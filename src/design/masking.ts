/** Logins inside addresses are never shown. */
export const masked = (text: string): string => text.replace(/(\w+:\/\/)[^\s/@"]+@/g, '$1***@');
