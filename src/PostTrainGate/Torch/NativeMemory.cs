using System.Runtime.InteropServices;

namespace PostTrainGate.Torch;

/// <summary>
/// glibc hands every large block back to the system as soon as it is freed, and each gradient pass then pays for page
/// faults on fresh memory. Keeping freed blocks makes passes several times faster. Nothing happens where there is no
/// glibc.
/// </summary>
internal static unsafe class NativeMemory
{
    // Parameters of mallopt(3).
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;
    private const int ArenaMax = -8;

    private const int LargeBlock = 16 << 20;

    private static delegate* unmanaged[Cdecl]<int, int, int> _mallopt;

    private static readonly Lazy<bool> Tuned = new(Apply);

    /// <summary>
    /// Hands large blocks back after all, for a model whose rows fill them: blocks of many sizes leave holes in kept
    /// memory that the next ones do not fill, and the page faults are few beside what such a pass takes.
    /// </summary>
    public static void ReturnLargeBlocks()
    {
        if (Tune())
            _ = _mallopt(MmapThreshold, LargeBlock);
    }

    /// <summary>Tunes the allocator of this process, once.</summary>
    /// <returns>Whether it had an effect.</returns>
    public static bool Tune() => Tuned.Value;

    private static bool Apply()
    {
        // Whoever set the allocator up by hand knows better.
        var names = Environment.GetEnvironmentVariables().Keys.Cast<string>();
        if (names.Any(k => k.StartsWith("MALLOC_", StringComparison.Ordinal)))
            return false;
        if (
            Environment.GetEnvironmentVariable("GLIBC_TUNABLES")?.Contains("glibc.malloc", StringComparison.Ordinal)
            == true
        )
            return false;
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out var libc))
            return false;
        if (!NativeLibrary.TryGetExport(libc, "gnu_get_libc_version", out _))
            return false;
        if (!NativeLibrary.TryGetExport(libc, "mallopt", out var address))
            return false;
        var mallopt = _mallopt = (delegate* unmanaged[Cdecl]<int, int, int>)address;
        // Older versions refuse a threshold above 32 MiB. Arenas of other threads are limited to 64 MiB blocks; one
        // arena for all is not.
        var mapped = mallopt(MmapThreshold, 1 << 30) != 0 || mallopt(MmapThreshold, 32 << 20) != 0;
        return mapped && mallopt(TrimThreshold, int.MaxValue) != 0 && mallopt(ArenaMax, 1) != 0;
    }
}
