using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>Reads <c>posttraingate.yml</c>.</summary>
public static class PolicyReader
{
    /// <summary>Name of the file that is looked for when a folder is given.</summary>
    public const string FileName = "posttraingate.yml";

    /// <summary>Reads a policy and reports everything that is wrong with it at once.</summary>
    /// <param name="path">The file, or a folder that holds <see cref="FileName"/>.</param>
    /// <returns>
    /// The policy, null when any diagnostic is an error, and the diagnostics in the order of the file.
    /// </returns>
    public static (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(string path) =>
        Read(path, Catalog.Default);

    /// <summary>
    /// Reads the policy of another commit as if it stood here, from its text alone: no file here is looked at.
    /// </summary>
    /// <param name="bytes">Its text.</param>
    /// <param name="file">The policy of this commit, which diagnostics name.</param>
    internal static (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) ReadBase(byte[] bytes, string file) =>
        Read(file, bytes, new(Path.GetDirectoryName(Path.GetFullPath(file))!, Catalog.Default) { TextOnly = true });

    /// <summary>Reads a text as if it stood in a file that need not be there yet.</summary>
    internal static (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) ReadText(string text, string file) =>
        Read(
            file,
            System.Text.Encoding.UTF8.GetBytes(text),
            new(Path.GetDirectoryName(Path.GetFullPath(file))!, Catalog.Default)
        );

    internal static (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(string path, ICatalog catalog)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
            return (
                null,
                [
                    new(
                        DiagnosticCodes.PolicyUnreadable,
                        $"{Wording.Quote(path ?? "")} is not a path; give the path of a {FileName}."
                    ),
                ]
            );
        var file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        var context = new ReadContext(Path.GetDirectoryName(Path.GetFullPath(file))!, catalog);
        return Read(file, Bytes(file, context), context);
    }

    private static (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(
        string file,
        byte[]? bytes,
        ReadContext context
    )
    {
        GatePolicy? policy = null;
        if (
            bytes is not null
            && PolicyYaml.Parse(file, bytes, context.Report) is { } node
            && PolicyShape.Root.Read(node, "the policy", new(file, 1, 1), context) is { } root
        )
        {
            PolicyChecks.Run(root, context);
            if (!context.HasErrors)
                policy = PolicyBinder.Bind(file, context, root);
        }

        return (policy, context.Sorted());
    }

    private static byte[]? Bytes(string file, ReadContext context)
    {
        byte[]? Wrong(string code, string message)
        {
            context.Report(code, new(file, 0, 0), message);
            return null;
        }

        if (SpecialFile.Is(file))
            return Wrong(DiagnosticCodes.PolicyUnreadable, "The policy is a pipe or a device; give a file.");
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            var bytes = new byte[PolicyYaml.MaxBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length <= PolicyYaml.MaxBytes
                ? bytes[..length]
                : Wrong(
                    DiagnosticCodes.PolicySize,
                    $"The policy is larger than {PolicyYaml.MaxBytes / 1024} KiB; write it shorter."
                );
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return Wrong(
                DiagnosticCodes.PolicyUnreadable,
                $"There is no policy here; write one with 'posttraingate init MODEL DATA', or give the path of a "
                    + $"{FileName}."
            );
        }
        catch (Exception broken) when (broken is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return Wrong(DiagnosticCodes.PolicyUnreadable, $"The policy cannot be read: {broken.Message}");
        }
    }
}
