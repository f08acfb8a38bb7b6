using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using PostTrainGate.Foundation;

namespace PostTrainGate.Attacks;

/// <summary>
/// A folder in which runs leave what they found for later ones: adversarial examples, which are tried after an attack,
/// and the outcome of finished chunks of rows, from which an interrupted run goes on. Every file is named by the hash
/// of all that its content depends on.
/// </summary>
/// <remarks>
/// An example is only a suggestion: whoever takes it projects it into the budget and asks the model, so that no content
/// can do harm. An outcome has to be believed, and so it is sealed with a key that lies in the user's profile, outside
/// of anything that a pull request brings; without its seal it is not there. No fault of the folder stops a run.
/// Bounded: the oldest files go first.
/// </remarks>
public sealed class AttackCache
{
    /// <summary>Bytes that the folder may hold after a run.</summary>
    internal const long Limit = 256L << 20;

    private const int KeyLength = 32;
    private static readonly EnumerationOptions Plain = new()
    {
        AttributesToSkip = FileAttributes.ReparsePoint,
        IgnoreInaccessible = true,
    };

    private readonly ConcurrentDictionary<string, bool> _found = new();
    private readonly Lazy<byte[]?> _key;
    private long _keptInputs;

    /// <summary>Opens a folder, or makes it with the first file.</summary>
    public AttackCache(string folder)
        : this(folder, DefaultKeyFile) { }

    internal AttackCache(string folder, string? keyFile)
    {
        Folder = Path.GetFullPath(folder);
        _key = new(() => keyFile is null ? null : ReadKey(keyFile));
    }

    /// <summary>The user's own folder for caches, where there is one.</summary>
    public static string? DefaultFolder
    {
        get
        {
            var home = UserFolder(Environment.SpecialFolder.UserProfile);
            var caches =
                OperatingSystem.IsWindows() ? UserFolder(Environment.SpecialFolder.LocalApplicationData)
                : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library/Caches")
                : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } given && Path.IsPathFullyQualified(given)
                    ? given
                : Path.Combine(home, ".cache");
            return Path.IsPathFullyQualified(caches) ? Path.Combine(caches, "posttraingate") : null;
        }
    }

    /// <summary>Full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>Inputs whose outcome this run has left here, or found.</summary>
    public long KeptInputs => Interlocked.Read(ref _keptInputs);

    /// <summary>Takes over what a run in another process kept.</summary>
    internal void Keeps(long inputs) => Interlocked.Exchange(ref _keptInputs, inputs);

    private static string? DefaultKeyFile =>
        UserFolder(Environment.SpecialFolder.LocalApplicationData) is var data && Path.IsPathFullyQualified(data)
            ? Path.Combine(data, "posttraingate", "key")
            : null;

    // A fresh machine does not have it yet.
    private static string UserFolder(Environment.SpecialFolder folder) =>
        Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify);

    /// <summary>An adversarial example of that name and length in bytes; null when there is none.</summary>
    internal byte[]? Example(string name, int length) => Read("examples", name, length);

    /// <summary>
    /// The same, if an earlier run left it. What this run finds on one model must not change its figures of the next
    /// one: they would differ from those that the next model gets alone.
    /// </summary>
    internal byte[]? EarlierExample(string name, int length) => _found.ContainsKey(name) ? null : Example(name, length);

    /// <summary>Keeps an adversarial example.</summary>
    internal void KeepExample(string name, ReadOnlySpan<byte> example)
    {
        _found[name] = true;
        Write("examples", name, example);
    }

    /// <summary>
    /// The sealed outcome of that name and length in bytes; null when there is none with this user's seal.
    /// </summary>
    internal byte[]? Outcome(string name, int length, int inputs)
    {
        if (_key.Value is not { } key || Read("outcomes", name, length + HMACSHA256.HashSizeInBytes) is not { } bytes)
            return null;
        if (!CryptographicOperations.FixedTimeEquals(Seal(key, name, bytes.AsSpan(0, length)), bytes.AsSpan(length)))
            return null;
        Interlocked.Add(ref _keptInputs, inputs);
        return bytes[..length];
    }

    /// <summary>Seals and keeps an outcome.</summary>
    internal void KeepOutcome(string name, byte[] outcome, int inputs)
    {
        if (_key.Value is not { } key || !Write("outcomes", name, [.. outcome, .. Seal(key, name, outcome)]))
            return;
        Interlocked.Add(ref _keptInputs, inputs);
    }

    /// <summary>
    /// Deletes the oldest files where there is more than the folder may hold. Follows no link, touches nothing else.
    /// </summary>
    internal void Trim(long limit = Limit) =>
        Attempt(() =>
        {
            var files = new[] { "examples", "outcomes" }
                .Select(kind => new DirectoryInfo(Path.Combine(Folder, kind)))
                .Where(d => d.Exists && !d.Attributes.HasFlag(FileAttributes.ReparsePoint))
                .SelectMany(d => d.EnumerateDirectories("??", Plain))
                .SelectMany(d => d.EnumerateFiles("*", Plain))
                .OrderByDescending(f => f.LastWriteTimeUtc)
                .ToArray();
            var total = 0L;
            foreach (var file in files)
                if ((total += file.Length) > limit)
                    file.Delete();
            return true;
        });

    private byte[]? Read(string kind, string name, int length) =>
        Attempt(() =>
        {
            var file = new FileInfo(Place(kind, name)); // a pipe or a device has no length
            if (!file.Exists || file.Length != length)
                return null;
            return File.ReadAllBytes(file.FullName) is { } bytes && bytes.Length == length ? bytes : null;
        });

    private bool Write(string kind, string name, ReadOnlySpan<byte> content)
    {
        var bytes = content.ToArray();
        return Attempt(() =>
        {
            if (!Directory.Exists(Folder))
                AtomicFile.WriteText(Path.Combine(Folder, ".gitignore"), "*\n");
            AtomicFile.Write(Place(kind, name), stream => stream.Write(bytes));
            return true;
        });
    }

    private string Place(string kind, string name) => Path.Combine(Folder, kind, name[..2], name[2..]);

    private static byte[] Seal(byte[] key, string name, ReadOnlySpan<byte> content) =>
        HMACSHA256.HashData(key, (byte[])[.. Encoding.ASCII.GetBytes(name), .. content]);

    // Made once; what others may read is no secret, and a file from a repository never is the owner's alone.
    private static byte[]? ReadKey(string file) =>
        Attempt(() =>
        {
            if (!File.Exists(file))
                AtomicFile.Write(file, s => s.Write(RandomNumberGenerator.GetBytes(KeyLength)), isPrivate: true);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & ~AtomicFile.Private) != 0)
                return null;
            return File.ReadAllBytes(file) is { Length: KeyLength } key ? key : null;
        });

    private static T? Attempt<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return default;
        }
    }
}
