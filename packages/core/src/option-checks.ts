// How options are checked, for the packages above core: an entry point of its own (`@switchgear/core/options`), so that a message
// about a wrong option reads the same wherever it comes from.
export { type ByteSize, parseByteSize } from './byte-size.ts'
export {
  check,
  checkCount,
  checkFunction,
  checkKeys,
  checkMethods,
  checkObject,
  checkRange,
  checkShare,
  type Duration,
  parseDuration,
} from './options.ts'
