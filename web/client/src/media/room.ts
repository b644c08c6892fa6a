import { reactive, shallowRef } from 'vue'
import { address, type As } from '@/api/client'
import type { Problem } from '@/api/types'
import { limit, offer, publisher, QUALITY, receiver, sent, type Quality } from './peer'
import { RoomSocket, socketAddress, type Link, type Message } from './socket'

export interface RoomParty {
  party: string
  role: 'applicant' | 'inspector'
  name: string | null
  present: boolean
  media: boolean
}
export interface RoomState {
  participants: RoomParty[]
  recording: boolean
  started: boolean
  item: string | null
  waiting_for: string[]
}
export type LineQuality = 'unknown' | 'good' | 'fair' | 'poor'
export interface Line {
  kbps: number
  lost: number
  bytes: number
  quality: LineQuality
}
export interface Said {
  text: string
  from: string
  at: number
}

const STATS_MS = 5000
const REPAIR_MS = 3000

/** One participant's end of a live room: socket, published media, received media. Reconnects by itself. */
const HINT_MS = 15_000

export class Room {
  readonly view = reactive({
    link: 'connecting' as Link,
    me: '',
    role: '' as string,
    state: { participants: [], recording: false, started: false, item: null, waiting_for: [] } as RoomState,
    line: { kbps: 0, lost: 0, bytes: 0, quality: 'unknown' } as Line,
    publishing: '' as '' | 'connecting' | 'connected' | 'failed',
    receiving: false,
    quality: 'normal' as Quality,
    said: [] as Said[],
    ended: false,
    bye: null as Pick<Problem, 'code' | 'title' | 'title_en'> | null,
    problem: null as Pick<Problem, 'code' | 'title' | 'title_en'> | null,
  })
  /** Everything received, for a media element. A new object on every reconnection. */
  readonly incoming = shallowRef<MediaStream>()

  onchanged: (position: number) => void = () => undefined
  onstill: (item: string, request: string) => void = () => undefined

  private readonly socket: RoomSocket
  private outgoing: MediaStream | undefined
  private wantsMedia = false
  private publishPeer: RTCPeerConnection | undefined
  private subscribePeer: RTCPeerConnection | undefined
  private readonly waiting = new Map<number, (sdp: string) => void>()
  private seq = 0
  private statistics: ReturnType<typeof setInterval> | undefined
  private bytesBefore = 0
  private last = { bytes: 0, packets: 0, lost: 0, at: 0 }

  constructor(inspection: string, as?: As) {
    this.socket = new RoomSocket(
      socketAddress(address(`/inspections/${inspection}/room`, as)),
      (message) => this.hear(message),
      (link) => (this.view.link = link),
    )
  }

  open(): void {
    this.socket.open()
    this.statistics = setInterval(() => void this.measure(), STATS_MS)
  }

  close(): void {
    clearInterval(this.statistics)
    this.publishPeer?.close()
    this.subscribePeer?.close()
    this.publishPeer = this.subscribePeer = undefined
    this.socket.close()
  }

  /** Sends this stream from now on and after every reconnection. */
  publish(stream: MediaStream): void {
    this.outgoing = stream
    if (this.view.link === 'open') void this.startPublishing()
  }

  /** Receives the others from now on and after every reconnection. */
  receive(): void {
    this.wantsMedia = true
    if (this.view.link === 'open') void this.startReceiving()
  }

  askQuality(level: Quality): void {
    this.view.quality = level
    this.socket.send({ t: 'quality', level })
  }

  askStill(item: string, request: string): void {
    this.socket.send({ t: 'still', item, request })
  }

  point(item: string): void {
    this.socket.send({ t: 'point', item })
  }

  say(text: string): void {
    this.socket.send({ t: 'say', text })
  }

  private hear(message: Message): void {
    switch (message.t) {
      case 'welcome':
        this.welcomed(message)
        break
      case 'state':
        this.view.state = message as unknown as RoomState
        break
      case 'published':
      case 'subscribed':
        this.waiting.get(Number(message.seq))?.(String(message.sdp))
        this.waiting.delete(Number(message.seq))
        break
      case 'changed':
        this.onchanged(Number(message.position ?? 0))
        break
      case 'point':
        this.view.state = { ...this.view.state, item: (message.item as string | null) ?? null }
        break
      case 'quality':
        void this.changeQuality(message.level === 'high' ? 'high' : 'normal')
        break
      case 'still':
        this.onstill(String(message.item), String(message.request))
        break
      case 'line':
        this.lineTold(message)
        break
      case 'say':
        this.told({ text: String(message.text), from: String(message.party ?? ''), at: Date.now() })
        break
      case 'end':
        this.view.ended = true
        break
      case 'bye':
        this.view.bye = message as unknown as Problem
        this.close()
        break
      case 'problem':
        this.view.problem = message as unknown as Problem
        break
    }
  }

  /** A hint is for the moment: it leaves the screen by itself. */
  private told(said: Said): void {
    this.view.said.push(said)
    setTimeout(() => (this.view.said = this.view.said.filter((one) => one.at !== said.at)), HINT_MS)
  }

  private welcomed(message: Message): void {
    this.view.me = String(message.me)
    this.view.role = String(message.role)
    this.view.state = message.state as RoomState
    this.view.problem = null
    this.waiting.clear()
    if (this.outgoing) void this.startPublishing()
    if (this.wantsMedia) void this.startReceiving()
    this.onchanged(0)
  }

  private async startPublishing(): Promise<void> {
    this.publishPeer?.close()
    this.bytesBefore += this.last.bytes
    this.last = { bytes: 0, packets: 0, lost: 0, at: 0 }
    const peer = publisher(this.outgoing!, this.view.quality)
    this.publishPeer = peer
    this.view.publishing = 'connecting'
    this.watch(peer, 'publish')
    await this.negotiate(peer, 'publish')
  }

  private async startReceiving(): Promise<void> {
    this.subscribePeer?.close()
    const stream = new MediaStream()
    const peer = receiver(stream, () => (this.incoming.value = stream))
    this.subscribePeer = peer
    this.watch(peer, 'subscribe')
    await this.negotiate(peer, 'subscribe')
  }

  private async negotiate(peer: RTCPeerConnection, verb: 'publish' | 'subscribe'): Promise<void> {
    const sdp = await offer(peer)
    const seq = ++this.seq
    const answer = new Promise<string>((resolve) => this.waiting.set(seq, resolve))
    this.socket.send({ t: verb, sdp, seq })
    const answered = await answer
    if (peer.signalingState !== 'closed') await peer.setRemoteDescription({ type: 'answer', sdp: answered })
  }

  private watch(peer: RTCPeerConnection, verb: 'publish' | 'subscribe'): void {
    let repair: ReturnType<typeof setTimeout> | undefined
    const current = () => peer === (verb === 'publish' ? this.publishPeer : this.subscribePeer)
    peer.addEventListener('connectionstatechange', () => {
      if (!current()) return
      const state = peer.connectionState
      if (verb === 'publish') this.view.publishing = state === 'connected' ? 'connected' : state === 'failed' ? 'failed' : 'connecting'
      else this.view.receiving = state === 'connected'
      clearTimeout(repair)
      if (state === 'failed' || state === 'disconnected') {
        repair = setTimeout(() => {
          if (!current() || this.view.link !== 'open' || peer.connectionState === 'connected') return
          void (verb === 'publish' ? this.startPublishing() : this.startReceiving())
        }, REPAIR_MS)
      }
    })
  }

  private async changeQuality(level: Quality): Promise<void> {
    this.view.quality = level
    const track = this.outgoing?.getVideoTracks()[0]
    const { width, height } = QUALITY[level]
    try {
      await track?.applyConstraints({ width: { ideal: width }, height: { ideal: height } })
    } catch {
      // The camera keeps its size; the bit rate still follows.
    }
    if (this.publishPeer) await limit(this.publishPeer, level)
  }

  private async measure(): Promise<void> {
    const peer = this.publishPeer
    if (!peer || peer.connectionState !== 'connected' || !this.outgoing?.getVideoTracks().length) return
    const now = await sent(peer)
    const at = performance.now()
    const seconds = this.last.at ? (at - this.last.at) / 1000 : STATS_MS / 1000
    const packets = Math.max(1, now.packets - this.last.packets)
    const lost = Math.max(0, now.lost - this.last.lost) / packets
    const kbps = Math.round(((now.bytes - this.last.bytes) * 8) / 1000 / seconds)
    this.last = { ...now, at }
    const line = { kbps, lost: Math.round(lost * 1000) / 1000, bytes: this.bytesBefore + now.bytes }
    this.view.line = { ...line, quality: qualityOf(kbps, lost, now.roundTrip) }
    this.socket.send({ t: 'stats', ...line })
  }

  private lineTold(message: Message): void {
    const [kbps, lost, bytes] = [Number(message.kbps), Number(message.lost), Number(message.bytes)]
    this.view.line = { kbps, lost, bytes, quality: qualityOf(kbps, lost, 0) }
  }
}

/** kbps: kbit/s sent; lost: share of packets; roundTrip: seconds. */
function qualityOf(kbps: number, lost: number, roundTrip: number): LineQuality {
  if (lost > 0.08 || kbps < 80 || roundTrip > 1) return 'poor'
  return lost > 0.02 || kbps < 200 || roundTrip > 0.4 ? 'fair' : 'good'
}
