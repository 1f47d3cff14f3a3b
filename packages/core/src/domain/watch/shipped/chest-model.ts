export const CHEST_MODEL = ''
