#include "vedette/link/observation_encoder.h"

#include <observation.pb.h>

#include <bit>
#include <cstring>

#include "vedette/link/endpoint.h"
#include "vedette/media/jpeg.h"

namespace vedette::link {
namespace {

static_assert(std::endian::native == std::endian::little, "embeddings ride as they lie in memory");

int wire_stride(PixelFormat format, int plane_width) {
  const int bytes = format == PixelFormat::kBgr ? plane_width * 3 : plane_width;
  return (bytes + 63) / 64 * 64;
}

void add_piece(std::vector<Piece>& pieces, const uint8_t* data, size_t bytes) {
  if (bytes == 0) return;
  if (!pieces.empty() && pieces.back().data + pieces.back().bytes == data) {
    pieces.back().bytes += bytes;
  } else {
    pieces.push_back({data, bytes});
  }
}

/// A picture's planes as pieces of the wire's layout: one piece when they lie like that, else one a row.
void add_planes(std::vector<Piece>& pieces, const Picture& picture) {
  for (int i = 0; i < picture.planes(); ++i) {
    const Plane& plane = picture.plane(i);
    const int stride = wire_stride(picture.format(), plane.width);
    if (plane.stride_bytes == stride) {
      add_piece(pieces, plane.data, static_cast<size_t>(stride) * static_cast<size_t>(plane.height));
      continue;
    }
    for (int y = 0; y < plane.height; ++y)
      add_piece(pieces, plane.data + static_cast<ptrdiff_t>(y) * plane.stride_bytes, static_cast<size_t>(stride));
  }
}

void describe(const Picture& picture, wire::Section& section) {
  section.set_format(static_cast<uint32_t>(picture.format()));
  section.set_width(static_cast<uint32_t>(picture.width()));
  section.set_height(static_cast<uint32_t>(picture.height()));
  section.set_matrix(static_cast<uint32_t>(picture.matrix));
  section.set_full_range(picture.full_range);
  section.set_bytes(wire_bytes(picture.format(), picture.width(), picture.height()));
}

void write_box(const Box& from, wire::Box& to) {
  to.set_x(from.x);
  to.set_y(from.y);
  to.set_width(from.width);
  to.set_height(from.height);
}

void write_frame(const Frame& from, wire::Frame& to) {
  to.set_sequence(from.sequence);
  to.set_capture_ns(from.capture_time.time_since_epoch().count());
  to.set_capture_clock(static_cast<uint32_t>(from.capture_clock));
  to.set_arrival_ns(from.arrival.time_since_epoch().count());
  to.set_position_ns(from.position.count());
  to.set_width(static_cast<uint32_t>(from.width));
  to.set_height(static_cast<uint32_t>(from.height));
  if (from.trace) to.set_trace_id(from.trace.bytes.data(), from.trace.bytes.size());
}

void write_events(const Observation& observation, wire::Observation& to) {
  for (const Event& event : observation.events()) {
    wire::Event& e = *to.add_events();
    e.set_kind(static_cast<uint32_t>(event.kind));
    e.set_time_ns(event.time.time_since_epoch().count());
    e.set_zone(event.zone);
    e.set_label(event.label);
    if (event.track_id) e.set_track_id(*event.track_id);
    write_box(event.box, *e.mutable_box());
    e.set_count(event.count);
    e.set_dwell_seconds(event.dwell_seconds);
  }
  for (const Zone& zone : observation.zones()) {
    wire::Zone& z = *to.add_zones();
    z.set_name(zone.name);
    for (const Point& point : zone.points) {
      z.add_points(point.x);
      z.add_points(point.y);
    }
  }
}

/// Everything of the objects but labels and crops.
void write_objects(const Observation& observation, wire::Observation& to) {
  for (const Object& object : observation.objects()) {
    wire::Object& o = *to.add_objects();
    write_box(object.box, *o.mutable_box());
    o.set_class_id(object.class_id);
    o.set_score(object.score);
    if (object.track_id) o.set_track_id(*object.track_id);
    if (object.embedding) o.set_embedding_floats(static_cast<uint32_t>(object.embedding->size()));
    for (const auto& [name, value] : object.attributes) {
      wire::Attribute& a = *o.add_attributes();
      a.set_name(name);
      a.set_value(value);
    }
  }
}

/// False when the tables were numbered anew after some were used.
bool try_labels(const Observation& observation, LabelNumbers& numbers, wire::Observation& to) {
  to.clear_labels();
  to.set_labels_restart(false);
  bool used = false;
  for (int i = 0; i < to.objects_size(); ++i) {
    const auto& labels = observation.objects()[static_cast<size_t>(i)].labels;
    if (!labels || static_cast<size_t>(to.labels_size()) == LabelTables::kMost) continue;
    const LabelNumbers::Answer number = numbers.number_of(labels);
    if (number.restarted && used) return false;
    if (number.restarted) to.set_labels_restart(true);
    used = true;
    to.mutable_objects(i)->set_labels(number.id);
    if (!number.is_new) continue;
    wire::LabelTable& table = *to.add_labels();
    table.set_id(number.id);
    for (const std::string& name : *labels) table.add_names(name);
  }
  return true;
}

void write_labels(const Observation& observation, LabelNumbers& numbers, wire::Observation& to) {
  if (try_labels(observation, numbers, to)) return;
  numbers.forget();
  try_labels(observation, numbers, to);
}

/// The raw pixels of one message, before it is known where they go.
class Pixels {
 public:
  void add(std::shared_ptr<const Picture> picture, wire::Section& section) {
    describe(*picture, section);
    Part part{&section, {}, std::move(picture), std::nullopt};
    add_planes(part.pieces, *part.picture);
    parts_.push_back(std::move(part));
  }
  bool empty() const { return parts_.empty(); }

  /// Lends them to the peer: where they lie, or as one copy. Nothing when there is no room, else their bytes.
  std::optional<size_t> lend(SharedWriter& shared, wire::Observation& to) {
    SharedArena& arena = shared.arena();
    size_t to_copy = 0, all = 0;
    Keep keep;
    for (Part& part : parts_) {
      all += part.section->bytes();
      if (part.pieces.size() == 1) part.offset = arena.offset_of(part.pieces[0].data, part.pieces[0].bytes);
      if (part.offset) {
        keep.push_back(part.picture);
      } else {
        to_copy += part.section->bytes();
      }
    }
    std::shared_ptr<uint8_t> copies;
    if (to_copy > 0) {
      copies = arena.allocate(to_copy + kSharedOverrunBytes);
      if (!copies) return std::nullopt;
      keep.push_back(copies);
    }
    const auto lease = shared.lease(std::move(keep));
    if (!lease) return std::nullopt;
    uint8_t* at = copies.get();
    for (Part& part : parts_) {
      if (!part.offset) {
        part.offset = arena.offset_of(at, 0);
        for (const Piece& piece : part.pieces) {
          std::memcpy(at, piece.data, piece.bytes);
          at += piece.bytes;
        }
      }
      part.section->set_shared(true);
      part.section->set_offset(*part.offset);
    }
    to.set_lease(*lease);
    return all;
  }

  void into_body(OutgoingMessage& out) {
    for (Part& part : parts_) {
      for (const Piece& piece : part.pieces) add_piece(out.pieces, piece.data, piece.bytes);
      out.keep.push_back(std::move(part.picture));
    }
  }

 private:
  struct Part {
    wire::Section* section;
    std::vector<Piece> pieces;
    std::shared_ptr<const Picture> picture;
    std::optional<size_t> offset;  // in the arena
  };
  std::vector<Part> parts_;
};

}  // namespace

size_t wire_bytes(PixelFormat format, int width, int height) {
  const auto plane = [&](int w, int h) { return static_cast<size_t>(wire_stride(format, w)) * static_cast<size_t>(h); };
  const size_t first = plane(width, height);
  return format == PixelFormat::kI420 ? first + 2 * plane((width + 1) / 2, (height + 1) / 2) : first;
}

std::optional<ObservationEncoder::Made> ObservationEncoder::encode(const Observation& observation, const Plan& plan,
                                                                   OutgoingMessage& out) {
  thread_local wire::Observation header;  // keeps its memory from one observation to the next
  header.Clear();
  Made made;
  const Frame& frame = observation.frame();
  header.set_channel(plan.channel);
  header.set_attachment(plan.attachment);
  header.set_number(plan.number);
  for (size_t i = 0; i < kGapReasons; ++i) {
    if (plan.gaps.by_reason[i] == 0) continue;
    wire::Gap& gap = *header.add_gaps();
    gap.set_reason(std::string(to_string(static_cast<GapReason>(i))));
    gap.set_count(plan.gaps.by_reason[i]);
  }
  header.set_sent_ns(plan.now.time_since_epoch().count());
  write_frame(frame, *header.mutable_frame());
  write_objects(observation, header);
  write_events(observation, header);

  // Raw pixels come first in the body, so that those of one message lie together.
  Pixels raw;
  if (plan.pixels && frame.picture && !plan.jpeg) {
    wire::Section& section = *header.add_sections();
    section.set_kind(wire::Section::PICTURE);
    raw.add(frame.picture, section);
    made.raw = true;
  }
  size_t embedding_bytes = 0;
  for (size_t i = 0; i < observation.objects().size(); ++i) {
    const Object& object = observation.objects()[i];
    if (object.embedding) embedding_bytes += object.embedding->size() * sizeof(float);
    if (!plan.crops || !object.crop || (plan.jpeg && plan.crop_jpegs && (*plan.crop_jpegs)[i])) continue;
    wire::Section& section = *header.add_sections();
    section.set_kind(wire::Section::CROP);
    section.set_object(static_cast<uint32_t>(i));
    raw.add(object.crop, section);
  }
  const auto lent = plan.shared && !raw.empty() ? raw.lend(*plan.shared, header) : std::nullopt;
  if (lent) {
    made.shared_bytes = *lent;
  } else {
    raw.into_body(out);
  }

  const auto add_jpeg = [&](const std::shared_ptr<const Bytes>& jpeg, wire::Section::Kind kind, size_t object) {
    wire::Section& section = *header.add_sections();
    section.set_kind(kind);
    section.set_bytes(jpeg->size());
    section.set_object(static_cast<uint32_t>(object));
    add_piece(out.pieces, jpeg->data(), jpeg->size());
    out.keep.push_back(jpeg);
  };
  if (plan.pixels && (frame.jpeg || (plan.jpeg && frame.picture))) {
    add_jpeg(media::jpeg_of(frame, plan.jpeg_quality), wire::Section::JPEG, 0);
    made.jpeg = !made.raw;
  }
  if (plan.crops && plan.jpeg && plan.crop_jpegs)
    for (size_t i = 0; i < plan.crop_jpegs->size(); ++i)
      if ((*plan.crop_jpegs)[i]) add_jpeg((*plan.crop_jpegs)[i], wire::Section::CROP_JPEG, i);
  if (embedding_bytes > 0) {
    wire::Section& section = *header.add_sections();
    section.set_kind(wire::Section::EMBEDDINGS);
    section.set_bytes(embedding_bytes);
    for (const Object& object : observation.objects()) {
      if (!object.embedding) continue;
      add_piece(out.pieces, reinterpret_cast<const uint8_t*>(object.embedding->data()),
                object.embedding->size() * sizeof(float));
      out.keep.push_back(object.embedding);
    }
  }

  write_labels(observation, labels_, header);
  const size_t header_bytes = header.ByteSizeLong(), body_bytes = out.body_bytes();
  if (header_bytes > kMaxHeaderBytes || body_bytes > plan.max_message_bytes) {
    if (header.labels_size() > 0 || header.labels_restart()) labels_.forget();
    if (header.lease() > 0) plan.shared->cancel(header.lease());
    return std::nullopt;
  }
  out.head.resize(kPrefixBytes + header_bytes);
  write_prefix(std::span<uint8_t, kPrefixBytes>(out.head.data(), kPrefixBytes), MessageType::kObservation, header_bytes,
               body_bytes, kProtocolMajor);
  header.SerializeWithCachedSizesToArray(out.head.data() + kPrefixBytes);
  return made;
}

}  // namespace vedette::link
