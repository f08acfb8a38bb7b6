using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Init;

/// <summary>The files that a first policy names, and those that are written.</summary>
internal static class InitFiles
{
    /// <summary>A draft with the paths, once they can be used.</summary>
    /// <exception cref="GateException">A file is missing, or cannot be named by the policy.</exception>
    public static Draft Start(InitOptions options)
    {
        if (IsModel(options.Data) && !IsModel(options.Model))
            throw Wrong(
                DiagnosticCodes.PolicyPath,
                options.Model,
                $"The model comes first: posttraingate init {options.Data} {options.Model}"
            );
        if (!File.Exists(options.Model))
            throw Wrong(DiagnosticCodes.ModelUnreadable, options.Model, "There is no such file; give an ONNX file.");
        if (!File.Exists(options.Data) && !Directory.Exists(options.Data))
            throw Wrong(
                DiagnosticCodes.DataUnreadable,
                options.Data,
                "There is no such file; give a table, an array (NPZ, IDX), or a folder with a folder of images for "
                    + "each class."
            );
        if (File.Exists(options.Output) && !options.Force)
            throw Wrong(
                DiagnosticCodes.OutputRefused,
                options.Output,
                "The file is there; '--force' replaces it, '--output FILE' writes another."
            );
        if (Directory.Exists(options.Output))
            throw Wrong(
                DiagnosticCodes.OutputRefused,
                options.Output,
                $"It is a folder; write '--output {Path.Combine(options.Output, PolicyReader.FileName)}'."
            );
        var source = Relative(options, options.Data);
        return new()
        {
            Model = Relative(options, options.Model),
            Source = source,
            Label = options.Label ?? (IsTable(options.Data) ? "label" : null), // of a table it is settled by its columns
            LabelFile = Labels(options.Data) is { } labels ? Relative(options, labels) : null,
        };
    }

    /// <summary>Writes the policy, and the schema for editors where there is none.</summary>
    public static void Write(InitOptions options, Draft draft)
    {
        AtomicFile.WriteText(options.Output, draft.Text());
        var schema = Path.Combine(Folder(options), PolicySchema.FileName);
        if (!File.Exists(schema))
            AtomicFile.WriteText(schema, PolicySchema.Generate());
    }

    /// <summary>The command to run next.</summary>
    public static string Next(InitOptions options) =>
        Path.GetFullPath(options.Output) == Path.GetFullPath(PolicyReader.FileName)
            ? "posttraingate check"
            : $"posttraingate check {options.Output}";

    private static bool IsModel(string file) => file.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    private static bool IsTable(string file) => Table.Reads(file);

    private static string Folder(InitOptions options) => Path.GetDirectoryName(Path.GetFullPath(options.Output))!;

    private static string Relative(InitOptions options, string file)
    {
        var path = Path.GetRelativePath(Folder(options), Path.GetFullPath(file)).Replace('\\', '/');
        return path.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(path)
            ? throw Wrong(
                DiagnosticCodes.PolicyPath,
                file,
                "A policy names only files in its own folder or below; run this in a folder that holds the model and "
                    + "the data, or give '--output FOLDER/posttraingate.yml'."
            )
            : path;
    }

    // The names of MNIST's files: train-images-idx3-ubyte has its labels in train-labels-idx1-ubyte.
    private static string? Labels(string data)
    {
        var name = Path.GetFileName(data);
        if (!name.Contains("images", StringComparison.Ordinal) || Directory.Exists(data) || !IdxFile.Is(data))
            return null;
        var folder = Path.GetDirectoryName(data) ?? "";
        var labels = name.Replace("images", "labels", StringComparison.Ordinal)
            .Replace("idx3", "idx1", StringComparison.Ordinal);
        var file = Path.Combine(folder, labels);
        return File.Exists(file) ? file : null;
    }

    private static GateException Wrong(string code, string file, string message) =>
        new(new Diagnostic(code, message, new SourcePosition(file, 0, 0)));
}
