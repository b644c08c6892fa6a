import { ProblemError } from '@/api/client'
import type { Material } from '@/api/types'
import { LARGEST_BYTES } from '@/api/upload'
import { size } from '@/i18n/format'

/** Why a file cannot be taken, before minutes of uploading are lost. The service looks into it and decides. */
export function hopeless(file: File, accepts: Material['accepts']): ProblemError | undefined {
  if (file.size > LARGEST_BYTES) {
    return refusal(
      'upload-too-large',
      `这个文件有 ${size(file.size)}，超过 20 MB。请换较小的照片或压缩后的 PDF。`,
      `This file has ${size(file.size)}, more than 20 MB. Choose a smaller photo or a compressed PDF.`,
    )
  }
  // Some phones name no type; then the service's look is the first one.
  const kind = file.type.startsWith('image/') ? 'photo' : file.type === 'application/pdf' ? 'pdf' : file.type && 'other'
  if (!kind || accepts.some((one) => one === kind)) return undefined
  const wanted = { photo: ['照片', 'photo'], pdf: [' PDF', 'PDF'] }
  return refusal(
    'upload-type',
    `这里只收${accepts.map((one) => wanted[one][0]).join('或')}，请换一个文件。`,
    `Only a ${accepts.map((one) => wanted[one][1]).join(' or ')} is taken here. Choose another file.`,
  )
}

const refusal = (code: string, title: string, title_en: string) => new ProblemError({ code, status: 0, title, title_en })
