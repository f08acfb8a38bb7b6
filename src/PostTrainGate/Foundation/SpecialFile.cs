using System.Runtime.InteropServices;

namespace PostTrainGate.Foundation;

/// <summary>Tells pipes, sockets and devices from files: reading one may wait for ever.</summary>
internal static unsafe partial class SpecialFile
{
    // statx(2), whose answer is the same on all processors.
    private const int FromHere = -100,
        AnswerSize = 256,
        ModeAt = 28;
    private const uint Types = 1;
    private const int TypeMask = 0xF000,
        Regular = 0x8000,
        Folder = 0x4000;

    /// <summary>
    /// Whether something is there that is neither a file nor a folder, links followed. False where the system does not
    /// tell.
    /// </summary>
    public static bool Is(string path)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        var answer = stackalloc byte[AnswerSize];
        try
        {
            return statx(FromHere, path, 0, Types, answer) == 0
                && (*(ushort*)(answer + ModeAt) & TypeMask) is not (Regular or Folder);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* answer);
}
