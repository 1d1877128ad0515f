// The layout that clang gave a structure of a BPF object, out of the object's own BTF.
#pragma once

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstddef>
#include <map>
#include <string>

namespace kpulse::test {

/// Size of a struct and offsets of its members in the object; empty when it has no such struct.
struct Layout {
  std::size_t size = 0;
  std::map<std::string, std::size_t> offsets;
};

inline Layout layout_in(const bpf_object* object, const char* name) {
  Layout layout;
  const btf* types = bpf_object__btf(object);
  const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
  if (id <= 0) return layout;
  const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
  layout.size = type->size;
  for (__u32 index = 0; index < btf_vlen(type); ++index) {
    layout.offsets[btf__name_by_offset(types, btf_members(type)[index].name_off)] =
        btf_member_bit_offset(type, index) / 8;
  }
  return layout;
}

}  // namespace kpulse::test

#define EXPECT_OFFSET(layout, type, member) EXPECT_EQ((layout).offsets.at(#member), offsetof(type, member)) << #member
