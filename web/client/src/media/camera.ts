import { ProblemError } from '@/api/client'
import { QUALITY, type Quality } from './peer'

export type Facing = 'environment' | 'user'

/** Why a camera cannot be had, told by the error's name only: the messages differ between engines. */
function refusal(cause: unknown): ProblemError {
  const name = cause instanceof Error ? cause.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') {
    return new ProblemError({
      code: 'camera-refused',
      status: 0,
      title: '没有得到摄像头或麦克风的许可。请在浏览器的网站设置中允许后再试，也可以改为上门勘验。',
      title_en: 'Camera or microphone was not allowed. Allow it in the browser’s site settings and try again, or choose an inspection on site.',
    })
  }
  if (name === 'NotFoundError' || name === 'OverconstrainedError') {
    return new ProblemError({
      code: 'camera-missing',
      status: 0,
      title: '这台设备没有可用的摄像头或麦克风。可以换一部手机打开短信里的链接，也可以改为上门勘验。',
      title_en: 'This device has no usable camera or microphone. Open the link on another phone, or choose an inspection on site.',
    })
  }
  return new ProblemError({
    code: 'camera-busy',
    status: 0,
    title: '摄像头暂时打不开，可能正被别的应用使用。请关闭其他应用后再试。',
    title_en: 'The camera could not be opened; another app may be using it. Close other apps and try again.',
  })
}

export async function openCamera(facing: Facing = 'environment', quality: Quality = 'normal'): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw refusal(new DOMException('', 'NotFoundError'))
  const { width, height } = QUALITY[quality]
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { facingMode: { ideal: facing }, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 24, max: 30 } },
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    })
  } catch (cause) {
    throw refusal(cause)
  }
}

export async function openMicrophone(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw refusal(new DOMException('', 'NotFoundError'))
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
  } catch (cause) {
    throw refusal(cause)
  }
}

export function stopStream(stream: MediaStream | undefined): void {
  stream?.getTracks().forEach((track) => track.stop())
}

export function hasTorch(stream: MediaStream | undefined): boolean {
  const track = stream?.getVideoTracks()[0]
  const can = track?.getCapabilities?.() as (MediaTrackCapabilities & { torch?: boolean }) | undefined
  return can?.torch === true
}

export async function setTorch(stream: MediaStream, on: boolean): Promise<void> {
  const wish = { advanced: [{ torch: on }] } as unknown as MediaTrackConstraints
  await stream.getVideoTracks()[0]?.applyConstraints(wish)
}

interface PhotoTaker {
  takePhoto(): Promise<Blob>
}
declare const ImageCapture: undefined | (new (track: MediaStreamTrack) => PhotoTaker)

const PHOTO_MS = 4000

/** A picture at the camera's full resolution where the engine offers it, else the frame that is being shown. */
export async function takeStill(stream: MediaStream, video: HTMLVideoElement): Promise<Blob> {
  const track = stream.getVideoTracks()[0]
  if (track && typeof ImageCapture !== 'undefined') {
    try {
      const late = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('late')), PHOTO_MS))
      const photo = await Promise.race([new ImageCapture(track).takePhoto(), late])
      if (photo.size > 0) return photo
    } catch {
      // Not every camera can; the frame on the screen serves.
    }
  }
  return frameOf(video)
}

export function frameOf(video: HTMLVideoElement): Promise<Blob> {
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext('2d')!.drawImage(video, 0, 0)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no frame yet'))), 'image/jpeg', 0.92)
  })
}
