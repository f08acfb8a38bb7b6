using System.Runtime.InteropServices;

namespace PostTrainGate.Torch;

/// <summary>
/// Variables that native libraries read when they are loaded; .NET's own are a copy, which they do not see on Unix.
/// </summary>
internal static unsafe class NativeEnvironment
{
    /// <summary>Variable that keeps ONNX Runtime from leaving a device id and events in the user's folder.</summary>
    public const string NoTelemetry = "ORT_DISABLE_TELEMETRY";

    /// <summary>Sets a variable, unless the user has set it.</summary>
    public static void Set(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is not null)
            return;
        if (OperatingSystem.IsWindows())
        {
            Environment.SetEnvironmentVariable(name, value);
            return;
        }

        var library = OperatingSystem.IsMacOS() ? "libSystem.dylib" : "libc.so.6";
        if (
            !NativeLibrary.TryLoad(library, out var libc)
            || !NativeLibrary.TryGetExport(libc, "setenv", out var address)
        )
            return;
        var (n, v) = (Marshal.StringToCoTaskMemUTF8(name), Marshal.StringToCoTaskMemUTF8(value));
        try
        {
            ((delegate* unmanaged[Cdecl]<byte*, byte*, int, int>)address)((byte*)n, (byte*)v, 0);
        }
        finally
        {
            Marshal.FreeCoTaskMem(n);
            Marshal.FreeCoTaskMem(v);
        }
    }
}
