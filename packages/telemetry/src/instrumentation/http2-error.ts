// Why a stream of HTTP/2 was reset, as `error.type`.
import { constants } from 'node:http2'

/** NGHTTP2_REFUSED_STREAM and its like, by their numbers. */
const names: ReadonlyMap<number, string> = new Map(
  Object.entries(constants)
    .filter(([name]) =>
      /^NGHTTP2_(PROTOCOL_ERROR|INTERNAL_ERROR|FLOW_CONTROL_ERROR|SETTINGS_TIMEOUT|STREAM_CLOSED|FRAME_SIZE_ERROR|REFUSED_STREAM|COMPRESSION_ERROR|CONNECT_ERROR|ENHANCE_YOUR_CALM|INADEQUATE_SECURITY|HTTP_1_1_REQUIRED)$/.test(
        name,
      ),
    )
    .map(([name, code]) => [Number(code), name]),
)

/** '' for a stream that was not reset; `aborted` for one that the other side did not want any longer. */
export function streamError(resetCode: number | undefined): string {
  if (resetCode === undefined || resetCode === constants.NGHTTP2_NO_ERROR) return ''
  if (resetCode === constants.NGHTTP2_CANCEL) return 'aborted'
  return names.get(resetCode) ?? '_OTHER'
}
