#include "vedette/link/observation_decoder.h"

#include <observation.pb.h>

#include <algorithm>
#include <array>

#include "vedette/link/observation_encoder.h"
#include "vedette/link/wire.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {
namespace {

/// Of all raw pictures of one message, so that a small JPEG cannot ask for a huge picture.
constexpr size_t kMostPixels = size_t{1} << 26;
constexpr size_t kMostObjects = 65536;

template <typename E>
E checked_enum(uint32_t value, E last, const char* what) {
  if (value > static_cast<uint32_t>(last))
    throw ProtocolError("the unknown " + std::string(what) + " " + std::to_string(value));
  return static_cast<E>(value);
}

Box read_box(const wire::Box& box) { return {box.x(), box.y(), box.width(), box.height()}; }

Timestamp timestamp(int64_t ns) { return Timestamp{Duration{ns}}; }

Frame read_frame(const wire::Frame& from, const ClockOffset& clock) {
  Frame frame;
  frame.sequence = from.sequence();
  frame.capture_time = timestamp(from.capture_ns());
  frame.capture_clock = checked_enum(from.capture_clock(), CaptureClock::kArrival, "capture clock");
  // Wraps around instead of overflowing, whatever a hostile peer says.
  frame.arrival = MonotonicTime{Duration{
      static_cast<int64_t>(static_cast<uint64_t>(from.arrival_ns()) - static_cast<uint64_t>(clock.offset().count()))}};
  frame.position = Duration{from.position_ns()};
  if (from.width() > Picture::kLargestSide || from.height() > Picture::kLargestSide)
    throw ProtocolError("a frame of " + std::to_string(from.width()) + "x" + std::to_string(from.height()) + " pixels");
  frame.width = static_cast<int>(from.width());
  frame.height = static_cast<int>(from.height());
  if (!from.trace_id().empty()) {
    if (from.trace_id().size() != frame.trace.bytes.size()) throw ProtocolError("a trace id that is none");
    std::copy(from.trace_id().begin(), from.trace_id().end(), frame.trace.bytes.begin());
  }
  return frame;
}

void read_objects(const wire::Observation& from, LabelTables& labels, std::vector<Object>& objects,
                  std::vector<size_t>& embedding_floats) {
  if (static_cast<size_t>(from.objects_size()) > kMostObjects) throw ProtocolError("too many objects");
  if (from.labels_restart()) labels.restart();
  for (const wire::LabelTable& table : from.labels())
    labels.add(table.id(), Labels(table.names().begin(), table.names().end()));
  objects.reserve(static_cast<size_t>(from.objects_size()));
  for (const wire::Object& o : from.objects()) {
    Object object;
    object.box = read_box(o.box());
    object.class_id = o.class_id();
    object.score = o.score();
    object.labels = labels.find(o.labels());
    if (o.has_track_id()) object.track_id = o.track_id();
    for (const wire::Attribute& a : o.attributes()) object.attributes.emplace_back(a.name(), a.value());
    embedding_floats.push_back(o.embedding_floats());
    objects.push_back(std::move(object));
  }
}

void read_events(const wire::Observation& from, std::vector<Event>& events, std::vector<Zone>& zones) {
  for (const wire::Event& e : from.events()) {
    Event event;
    event.kind = checked_enum(e.kind(), EventKind::kCount, "event kind");
    event.time = timestamp(e.time_ns());
    event.zone = e.zone();
    event.label = e.label();
    if (e.has_track_id()) event.track_id = e.track_id();
    event.box = read_box(e.box());
    event.count = e.count();
    event.dwell_seconds = e.dwell_seconds();
    events.push_back(std::move(event));
  }
  for (const wire::Zone& z : from.zones()) {
    if (z.points_size() % 2 != 0) throw ProtocolError("a zone with half a point");
    Zone zone{z.name(), {}};
    for (int i = 0; i < z.points_size(); i += 2) zone.points.push_back({z.points(i), z.points(i + 1)});
    zones.push_back(std::move(zone));
  }
}

/// What a raw section says, checked.
struct RawSection {
  PixelFormat format{};
  int width = 0, height = 0;
  ColorMatrix matrix{};
  bool full_range = false;
};

RawSection check_raw(const wire::Section& section, size_t& pixels_left) {
  RawSection raw;
  raw.format = checked_enum(section.format(), PixelFormat::kGray, "pixel format");
  raw.matrix = checked_enum(section.matrix(), ColorMatrix::kBt709, "colour matrix");
  raw.full_range = section.full_range();
  const auto side = [](uint32_t px) { return px >= 1 && px <= static_cast<uint32_t>(Picture::kLargestSide); };
  if (!side(section.width()) || !side(section.height()))
    throw ProtocolError("a picture of " + std::to_string(section.width()) + "x" + std::to_string(section.height()) +
                        " pixels");
  const size_t pixels = size_t{section.width()} * section.height();
  if (pixels > pixels_left) throw ProtocolError("pictures of too many pixels in one message");
  pixels_left -= pixels;
  raw.width = static_cast<int>(section.width());
  raw.height = static_cast<int>(section.height());
  if (section.bytes() != wire_bytes(raw.format, raw.width, raw.height))
    throw ProtocolError("a picture of " + std::to_string(section.bytes()) + " bytes that needs " +
                        std::to_string(wire_bytes(raw.format, raw.width, raw.height)));
  return raw;
}

/// All lengths of the sections, before anything is allocated.
void check_sections(const wire::Observation& header, size_t body_bytes, size_t embedding_floats) {
  size_t pixels_left = kMostPixels, in_body = 0;
  bool picture = false, jpeg = false, embeddings = false;
  if (header.sections_size() > 2 + 2 * header.objects_size() + 1) throw ProtocolError("too many sections");
  for (const wire::Section& section : header.sections()) {
    bool* once = nullptr;
    switch (section.kind()) {
      case wire::Section::PICTURE: once = &picture; [[fallthrough]];
      case wire::Section::CROP: check_raw(section, pixels_left); break;
      case wire::Section::JPEG: once = &jpeg; [[fallthrough]];
      case wire::Section::CROP_JPEG: break;
      case wire::Section::EMBEDDINGS:
        once = &embeddings;
        if (section.bytes() != embedding_floats * sizeof(float)) throw ProtocolError("embeddings of another length");
        break;
      default: throw ProtocolError("an unknown kind of section");
    }
    const bool raw = section.kind() == wire::Section::PICTURE || section.kind() == wire::Section::CROP;
    const bool of_object = section.kind() == wire::Section::CROP || section.kind() == wire::Section::CROP_JPEG;
    if (of_object && section.object() >= static_cast<uint32_t>(header.objects_size()))
      throw ProtocolError("a crop of the unknown object " + std::to_string(section.object()));
    if (once && std::exchange(*once, true)) throw ProtocolError("a section that comes twice");
    if (section.shared()) {
      if (!raw || header.lease() == 0) throw ProtocolError("a section in shared memory that cannot be there");
      continue;
    }
    if (section.bytes() > body_bytes - in_body) throw ProtocolError("sections longer than the body");
    in_body += section.bytes();
  }
  if (in_body != body_bytes) throw ProtocolError("a body longer than its sections");
  if (embedding_floats > 0 && !embeddings) throw ProtocolError("embeddings that are not there");
  if ((picture || jpeg) && (header.frame().width() == 0 || header.frame().height() == 0))
    throw ProtocolError("a picture in a frame without a size");
}

}  // namespace

std::span<const std::span<uint8_t>> ObservationDecoder::begin(std::span<const uint8_t> bytes, size_t body_bytes,
                                                              const ClockOffset& clock) {
  thread_local wire::Observation header;  // keeps its memory from one observation to the next
  unpack(bytes, header);
  received_ = {};
  body_.clear();
  embedding_floats_.clear();
  received_.channel = header.channel();
  received_.attachment = header.attachment();
  received_.number = header.number();
  received_.body_bytes = body_bytes;
  for (const wire::Gap& gap : header.gaps()) received_.gaps.emplace_back(gap.reason().substr(0, 32), gap.count());
  received_.sent = MonotonicTime{Duration{
      static_cast<int64_t>(static_cast<uint64_t>(header.sent_ns()) - static_cast<uint64_t>(clock.offset().count()))}};
  received_.frame = read_frame(header.frame(), clock);
  read_objects(header, labels_, received_.objects, embedding_floats_);
  read_events(header, received_.events, received_.zones);
  size_t floats = 0;
  for (const size_t n : embedding_floats_) floats += n;
  check_sections(header, body_bytes, floats);

  std::shared_ptr<void> lease;
  if (header.lease() != 0) {
    if (!shared_) throw ProtocolError("a lease without shared memory");
    lease = shared_->hold(header.lease());
  }
  size_t pixels_left = kMostPixels;
  for (const wire::Section& section : header.sections()) {
    const auto size = static_cast<size_t>(section.bytes());
    switch (section.kind()) {
      case wire::Section::PICTURE:
      case wire::Section::CROP: {
        const RawSection raw = check_raw(section, pixels_left);
        std::shared_ptr<Picture> picture;
        if (section.shared()) {
          uint8_t* at = shared_->at(static_cast<size_t>(section.offset()), size);
          std::array<uint8_t*, 3> data{};
          std::array<int, 3> strides{};
          const int planes = raw.format == PixelFormat::kI420 ? 3 : 1;
          for (int i = 0; i < planes; ++i) {
            const int width = i == 0 ? raw.width : (raw.width + 1) / 2,
                      height = i == 0 ? raw.height : (raw.height + 1) / 2;
            const auto at_plane = static_cast<size_t>(i);
            data[at_plane] = at;
            strides[at_plane] = ((raw.format == PixelFormat::kBgr ? width * 3 : width) + 63) / 64 * 64;
            at += static_cast<ptrdiff_t>(strides[at_plane]) * height;
          }
          picture = Picture::wrap(raw.format, raw.width, raw.height, data, strides, lease);
          received_.shared_bytes += size;
        } else {
          picture = Picture::make(raw.format, raw.width, raw.height, &pool_);
          body_.emplace_back(picture->plane(0).data, size);
        }
        picture->matrix = raw.matrix;
        picture->full_range = raw.full_range;
        if (section.kind() == wire::Section::CROP) {
          received_.objects[section.object()].crop = std::move(picture);
        } else {
          received_.frame.picture = std::move(picture);
        }
        break;
      }
      case wire::Section::JPEG:
      case wire::Section::CROP_JPEG: {
        auto jpeg = std::make_shared<Bytes>(size);
        body_.emplace_back(*jpeg);
        if (section.kind() == wire::Section::JPEG) {
          received_.frame.jpeg = std::move(jpeg);
        } else {
          received_.crop_jpegs.emplace_back(section.object(), std::move(jpeg));
        }
        break;
      }
      default: embeddings_.resize(floats); body_.emplace_back(reinterpret_cast<uint8_t*>(embeddings_.data()), size);
    }
  }
  return body_;
}

ReceivedObservation ObservationDecoder::finish() {
  size_t at = 0;
  for (size_t i = 0; i < embedding_floats_.size(); ++i) {
    const size_t n = embedding_floats_[i];
    if (n == 0) continue;
    const auto from = embeddings_.begin() + static_cast<ptrdiff_t>(at);
    received_.objects[i].embedding = std::make_shared<const std::vector<float>>(from, from + static_cast<ptrdiff_t>(n));
    at += n;
  }
  return std::move(received_);
}

Observation assemble(ReceivedObservation received, std::shared_ptr<const StreamInfo> stream, BufferPool& pool) {
  Frame& frame = received.frame;
  frame.stream = std::move(stream);
  if (frame.jpeg && !frame.picture) {
    const auto [width, height] = media::jpeg_size(*frame.jpeg);
    if (size_t(width) * size_t(height) > kMostPixels)
      throw Error(ErrorCode::kInvalidData,
                  "a JPEG of too many pixels, " + std::to_string(width) + "x" + std::to_string(height));
    frame.picture = media::decode_jpeg(*frame.jpeg, &pool);
  }
  for (const auto& [object, jpeg] : received.crop_jpegs) {
    const auto [width, height] = media::jpeg_size(*jpeg);
    if (size_t(width) * size_t(height) > kMostPixels / 4)
      throw Error(ErrorCode::kInvalidData, "a crop of too many pixels");
    received.objects[object].crop = media::decode_jpeg(*jpeg, &pool);
  }
  Observation observation(std::make_shared<const Frame>(std::move(frame)));
  if (!received.objects.empty()) observation = observation.with_objects(std::move(received.objects));
  if (!received.events.empty()) observation = observation.with_events(std::move(received.events));
  if (!received.zones.empty())
    observation = observation.with_zones(std::make_shared<const std::vector<Zone>>(std::move(received.zones)));
  return observation;
}

}  // namespace vedette::link
