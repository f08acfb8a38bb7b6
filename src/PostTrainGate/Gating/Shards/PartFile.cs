using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PostTrainGate.Foundation;

namespace PostTrainGate.Gating;

/// <summary>What one shard found, as a file: it says what it depends on, and has a checksum.</summary>
/// <param name="File">Its path, as given.</param>
/// <param name="Number">Which of the shards it is, from 1.</param>
/// <param name="Of">How many there are.</param>
/// <param name="Identity">What its outcomes depend on.</param>
/// <param name="Total">Blocks of all shards.</param>
/// <param name="Blocks">Blocks of this one by name.</param>
internal sealed record PartFile(
    string File,
    int Number,
    int Of,
    PartIdentity Identity,
    int Total,
    IReadOnlyDictionary<string, byte[]> Blocks
)
{
    /// <summary>How every part begins, so that a run knows one when it is about to write over it.</summary>
    private const string Head = """{"posttraingate-part":1,"sha256":""";

    private const long Largest = 512L << 20;

    /// <summary>Writes it.</summary>
    /// <exception cref="GateException">The file cannot be written.</exception>
    public void Write()
    {
        var content = Content();
        var head = Encoding.UTF8.GetBytes($"{Head}\"{Convert.ToHexStringLower(SHA256.HashData(content))}\",\"part\":");
        Attempt(File, () => AtomicFile.Write(File, stream =>
            {
                stream.Write(head);
                stream.Write(content);
                stream.Write("}\n"u8);
            }));
    }

    /// <summary>Refuses, before the long work, a file that could not be written after it.</summary>
    /// <exception cref="GateException">PTG8001: it cannot be written, or is no part.</exception>
    public static void Require(string file) => Attempt(file, () =>
        {
            if (OutputFiles.WhyNotPart(file, Head) is { } why)
                throw new IOException($"it {why}.");
            var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Path.GetRandomFileName()}");
            System.IO.File.WriteAllBytes(probe, []);
            System.IO.File.Delete(probe);
        });

    /// <summary>Reads one.</summary>
    /// <exception cref="GateException">PTG8002: it is no part, or was changed.</exception>
    public static PartFile Read(string file)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > Largest })
                throw new InvalidDataException($"It is larger than {Largest >> 20} MB.");
            var bytes = System.IO.File.ReadAllBytes(file);
            if (!bytes.AsSpan().StartsWith(Encoding.UTF8.GetBytes(Head)))
                throw new InvalidDataException("It is no part that 'check --shard' wrote.");
            using var json = JsonDocument.Parse(bytes);
            var part = json.RootElement.GetProperty("part");
            var checksum = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(part.GetRawText())));
            if (checksum != json.RootElement.GetProperty("sha256").GetString())
                throw Changed(null);
            return Read(file, part);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw Refuse(e.Message, e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw Refuse(Changed(e).Message, e);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw Refuse(Changed(e).Message, e);
        }

        GateException Refuse(string why, Exception e) =>
            new(new Diagnostic(DiagnosticCodes.PartRefused, $"{file} cannot be merged: {why}"), e);

        static InvalidDataException Changed(Exception? inner) =>
            new(
                "It was changed or cut off after it was written, as its checksum does not match. "
                    + "Measure its shard again.",
                inner
            );
    }

    private byte[] Content()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("shard", Number);
            json.WriteNumber("of", Of);
            json.WriteString("tool", Identity.Tool);
            json.WriteString("build", Identity.Build);
            json.WriteNumber("seed", Identity.Seed);
            json.WriteString("gates", Identity.Gates);
            json.WriteString("model", Identity.Model);
            json.WriteString("base", Identity.Base);
            json.WriteString("data", Identity.Data);
            json.WriteNumber("total", Total);
            json.WriteStartObject("blocks");
            foreach (var (name, outcome) in Blocks)
                json.WriteBase64String(name, outcome);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    private static PartFile Read(string file, JsonElement part)
    {
        return new(
            file,
            part.GetProperty("shard").GetInt32(),
            part.GetProperty("of").GetInt32(),
            new(
                Text("tool"),
                Text("build"),
                part.GetProperty("seed").GetInt32(),
                Text("gates"),
                Text("model"),
                Text("base"),
                Text("data")
            ),
            part.GetProperty("total").GetInt32(),
            part.GetProperty("blocks").EnumerateObject().ToDictionary(b => b.Name, b => b.Value.GetBytesFromBase64())
        );

        string Text(string name) => part.GetProperty(name).GetString() ?? "";
    }

    private static void Attempt(string file, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ShardRefused,
                    $"The part {file} cannot be written: {e.Message} "
                        + "Give '--part' a file in a folder that can be written."
                ),
                e
            );
        }
    }
}
