export default function Layout({ children }) {
  return (
    <html lang="en">
      <head>
        <title>Trust</title>
        <meta name="description" content="What is promised, and what each promise rests on." />
      </head>
      <body>{children}</body>
    </html>
  );
}
