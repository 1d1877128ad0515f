// What the thread sanitizer need not report; compiled into every test that links the helpers.
#if defined(__SANITIZE_THREAD__)
#define KPULSE_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KPULSE_THREAD_SANITIZER
#endif
#endif

#if defined(KPULSE_THREAD_SANITIZER)
extern "C" const char* __tsan_default_suppressions();
// libmosquitto takes its callback and its message lock in either order. Only one thread ever uses a handle of ours.
extern "C" const char* __tsan_default_suppressions() {
  return "deadlock:libmosquitto\n";
}
#endif
