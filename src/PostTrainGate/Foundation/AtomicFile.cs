using System.Text;

namespace PostTrainGate.Foundation;

/// <summary>Writes a file whole or not at all.</summary>
internal static class AtomicFile
{
    /// <summary>Mode of a file that is its owner's alone.</summary>
    public const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>
    /// Writes beside the target under another name, then renames: who reads sees the old file or the new one.
    /// </summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Utf8.GetBytes(text)));

    /// <inheritdoc cref="WriteText"/>
    /// <param name="path">The target; its folder is made where it does not exist.</param>
    /// <param name="content">Writes all of it.</param>
    /// <param name="isPrivate">Whether only the user may read it, where the system tells users apart so.</param>
    public static void Write(string path, Action<Stream> content, bool isPrivate = false)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (isPrivate && !OperatingSystem.IsWindows())
            options.UnixCreateMode = Private;
        WriteFile(path, temporary =>
        {
            using var stream = new FileStream(temporary, options);
            content(stream);
        });
    }

    /// <inheritdoc cref="WriteText"/>
    /// <param name="path">The target; its folder is made where it does not exist.</param>
    /// <param name="write">Writes a new file of the name that it is given.</param>
    public static void WriteFile(string path, Action<string> write)
    {
        var target = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{Path.GetFileName(target)}.{Path.GetRandomFileName()}");
        try
        {
            write(temporary);
            File.Move(temporary, target, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
