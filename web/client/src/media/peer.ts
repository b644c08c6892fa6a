/** WebRTC connections to the service: one that publishes, one that receives. Offers come from here, without trickle. */

export type Quality = 'normal' | 'high'

/** Frame size (pixels) and bit rate (bit/s) of the camera at each quality. */
export const QUALITY: Record<Quality, { width: number; height: number; maxBitrate: number }> = {
  normal: { width: 960, height: 540, maxBitrate: 500_000 },
  high: { width: 1280, height: 720, maxBitrate: 1_500_000 },
}

const GATHER_MS = 1000

/** The offer with the addresses found within a second; servers learn the rest from the checks themselves. */
export async function offer(peer: RTCPeerConnection): Promise<string> {
  await peer.setLocalDescription(await peer.createOffer())
  if (peer.iceGatheringState !== 'complete') {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS)
      peer.addEventListener('icegatheringstatechange', () => {
        if (peer.iceGatheringState === 'complete') {
          clearTimeout(timer)
          resolve()
        }
      })
    })
  }
  return peer.localDescription!.sdp
}

export function publisher(stream: MediaStream, quality: Quality): RTCPeerConnection {
  const peer = new RTCPeerConnection()
  for (const track of stream.getTracks()) {
    // Fewer frames rather than smaller ones: a label has to stay legible on a poor line.
    if (track.kind === 'video') track.contentHint = 'detail'
    peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
  }
  peer.addEventListener('connectionstatechange', () => {
    if (peer.connectionState === 'connected') void limit(peer, quality)
  })
  return peer
}

/** Applies the bit rate of a quality to the video that is being sent. */
export async function limit(peer: RTCPeerConnection, quality: Quality): Promise<void> {
  const sender = peer.getSenders().find((one) => one.track?.kind === 'video')
  if (!sender) return
  const wanted = sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string }
  wanted.degradationPreference = 'maintain-resolution'
  for (const encoding of wanted.encodings ?? []) encoding.maxBitrate = QUALITY[quality].maxBitrate
  try {
    await sender.setParameters(wanted)
  } catch {
    // Older engines refuse parameters they did not hand out; the service's own feedback then limits the rate.
  }
}

export const AUDIO_SLOTS = 3

/** Receives one picture and up to three voices; the service fills the slots as people come and go. */
export function receiver(stream: MediaStream, changed: () => void): RTCPeerConnection {
  const peer = new RTCPeerConnection()
  peer.addTransceiver('video', { direction: 'recvonly' })
  for (let slot = 0; slot < AUDIO_SLOTS; slot++) peer.addTransceiver('audio', { direction: 'recvonly' })
  peer.addEventListener('track', (event) => {
    stream.addTrack(event.track)
    event.track.addEventListener('unmute', changed)
    changed()
  })
  return peer
}

export interface Sent {
  bytes: number
  packets: number
  lost: number
  roundTrip: number
}

/** What a publishing connection has sent so far, and what the other end reports of it. */
export async function sent(peer: RTCPeerConnection): Promise<Sent> {
  const total: Sent = { bytes: 0, packets: 0, lost: 0, roundTrip: 0 }
  const report = await peer.getStats()
  report.forEach((entry: Record<string, unknown> & { type: string }) => {
    if (entry.type === 'outbound-rtp') {
      total.bytes += Number(entry.bytesSent ?? 0) + Number(entry.headerBytesSent ?? 0)
      total.packets += Number(entry.packetsSent ?? 0)
    }
    if (entry.type === 'remote-inbound-rtp') {
      total.lost += Math.max(0, Number(entry.packetsLost ?? 0))
      total.roundTrip = Math.max(total.roundTrip, Number(entry.roundTripTime ?? 0))
    }
  })
  return total
}
